"""Voicemail: opened when a caller is asked for a message, then listed, listened to, marked as heard and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import NotFound
from parley.domain.ids import new_id
from parley.domain.stages import TakingMessage
from parley.domain.voicemails import TakenMessage, greeting_for
from parley.schemas.voicemails import VoicemailList, VoicemailPage, VoicemailUpdate
from parley.services.defaults import Clock, utc_now
from parley.services.recording_links import RecordingLinks
from parley.services.recordings import FoundRecording, found_audio
from parley.services.voicemail_intake import VoicemailIntake
from parley.storage import agents, numbers, projects, voicemails
from parley.storage.database import Database
from parley.storage.lookup import Slice
from parley.storage.recordings import RecordingStore
from parley.storage.tables import CallRow, VoicemailRow


class Voicemails:
    """A foreign or unknown id is NotFound everywhere, and so is a message in which nothing was said, or not yet."""

    def __init__(
        self,
        database: Database,
        store: RecordingStore,
        links: RecordingLinks,
        intake: VoicemailIntake,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._links = links
        self._intake = intake
        self._clock = clock

    # ------------------------------------------------------------ the call's side

    async def ask(self, session: AsyncSession, call: CallRow, *, reason: str, greeting: str = "") -> TakingMessage:
        """Begin this call's message, in the caller's transaction; `reason` says why nobody answered.

        The caller hears `greeting` where it is not empty, else what the number, then the project has set, else a
        default in the agent's language. A call has one message: asking again gives the same.
        """
        values: dict[str, Any] = {
            "id": new_id("vm"),
            "project_id": call.project_id,
            "call_id": call.id,
            "number_id": call.number_id,
            "agent_id": await agents.hold(session, call.project_id, call.agent_id),
            "from_number": call.from_number,
            "to_number": call.to_number,
            "status": voicemails.RECORDING,
            "reason": reason,
            "created_at": self._clock(),
        }
        row = await voicemails.insert_once(session, values)
        return TakingMessage(voicemail_id=row.id, greeting=await self._greeting(session, call, greeting))

    async def keep(self, call_id: str, message: TakenMessage) -> None:
        """What the caller of this call left. Idempotent; raises Unavailable when it can be kept nowhere now."""
        await self._intake.keep(message)

    async def _greeting(self, session: AsyncSession, call: CallRow, wished: str) -> str:
        project = await projects.get(session, call.project_id)
        number = await numbers.get(session, call.project_id, call.number_id) if call.number_id else None
        of_number, of_project = (number.routing if number is not None else None) or {}, project.routing or {}
        return greeting_for(
            call.snapshot.get("language") or "en",
            wished,
            _greeting_in(of_number),
            of_number.get("voicemail_message") or "",
            _greeting_in(of_project),
        )

    # ------------------------------------------------------------ the API's side

    async def list(self, project_id: str, query: VoicemailList) -> tuple[Sequence[VoicemailRow], int]:
        """One page, newest first, and how many match in all. NotFound for a foreign agent or number."""
        async with self._database.read() as session:
            conditions = await _conditions(session, project_id, query)
            rows, total = await voicemails.list_page(
                session, project_id, conditions, query.unheard, query.limit, query.offset
            )
        return self._linked(rows), total

    async def list_after(self, project_id: str, query: VoicemailPage) -> Slice[VoicemailRow]:
        """The same, by cursor."""
        async with self._database.read() as session:
            conditions = await _conditions(session, project_id, query)
            found = await voicemails.list_after(
                session, project_id, conditions, query.unheard, query.after_id, query.count
            )
        self._linked(found.rows)
        return found

    async def get(self, project_id: str, voicemail_id: str) -> VoicemailRow:
        async with self._database.read() as session:
            return self._linked([await voicemails.get(session, project_id, voicemail_id)])[0]

    async def update(self, project_id: str, voicemail_id: str, change: VoicemailUpdate) -> VoicemailRow:
        """Mark it as heard, or as not; the moment it was first heard stays."""
        async with self._database.transaction() as session:
            row = await voicemails.get(session, project_id, voicemail_id, lock=True)
            row.heard_at = (row.heard_at or self._clock()) if change.heard else None
        return self._linked([row])[0]

    async def delete(self, project_id: str, voicemail_id: str) -> None:
        """Delete the message and its audio for good.

        Raises NotFound, and Unavailable when the store is away: then the message is still there; delete it again.
        """
        async with self._database.read() as session:
            row = await voicemails.get(session, project_id, voicemail_id)
        await self._store.delete(row.audio_key or "")
        async with self._database.transaction() as session:
            await voicemails.remove(session, project_id, voicemail_id)

    # ------------------------------------------------------------ listening

    async def open_audio(
        self, project_id: str, voicemail_id: str, byte_range: str = ""
    ) -> tuple[FoundRecording, AsyncIterator[bytes]]:
        """The message's audio; `byte_range` is a Range header. Raises NotFound, RangeNotSatisfiable, Unavailable."""
        async with self._database.read() as session:
            found = _found(await voicemails.get(session, project_id, voicemail_id), byte_range)
        return found, await self.read(found)

    async def find_linked(self, owner_id: str, expires: str, signature: str, byte_range: str = "") -> FoundRecording:
        """What a link opens. Raises Forbidden, NotFound and RangeNotSatisfiable."""
        self._links.check(owner_id, expires, signature)
        async with self._database.read() as session:
            return _found(await voicemails.get_known(session, owner_id), byte_range)

    async def read(self, found: FoundRecording) -> AsyncIterator[bytes]:
        """Its bytes in chunks. Raises NotFound and Unavailable before the first of them."""
        return await self._store.open(found.key, found.start, found.end)

    def _linked(self, rows: Sequence[VoicemailRow]) -> Sequence[VoicemailRow]:
        for row in rows:
            row.audio_url = self._links.url(row.id)
        return rows


def _greeting_in(routing: Mapping[str, Any]) -> str:
    return (routing.get("routing_config") or {}).get("voicemail_greeting") or ""


async def _conditions(session: AsyncSession, project_id: str, query: VoicemailList | VoicemailPage) -> dict[str, str]:
    conditions = {}
    if query.agent_id is not None:
        conditions["agent_id"] = (await agents.get(session, project_id, query.agent_id)).id
    if query.number_id is not None:
        conditions["number_id"] = (await numbers.get(session, project_id, query.number_id)).id
    return conditions


def _found(row: VoicemailRow, byte_range: str) -> FoundRecording:
    if not row.audio_key or row.audio_bytes is None:
        raise NotFound("This voicemail has no audio.")
    return found_audio(row.id, row.audio_key, row.audio_bytes, byte_range)
