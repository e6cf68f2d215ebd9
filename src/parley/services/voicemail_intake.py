"""A caller's message on its way: onto this machine's disk at once, from there to the store, and then it is told of.

A message counts as left once its audio is stored: then its row says so, and customers are told, in one transaction.
While the store or the database is away it waits on the disk, and is tried again every 15 seconds.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain import flat_events
from parley.domain.errors import BadInput, NotFound
from parley.domain.voicemails import VOICEMAIL_RECEIVED, TakenMessage, VoicemailFacts, voicemail_received
from parley.services.announcements import Announcements, Subject
from parley.services.defaults import Clock, utc_now
from parley.services.lineup import Lineup, Threads
from parley.services.recording_links import RecordingLinks
from parley.storage import agents, calls, voicemails
from parley.storage.database import Database
from parley.storage.message_spool import MessageSpool
from parley.storage.recordings import RecordingStore
from parley.storage.spool import claimed, set_aside
from parley.storage.tables import CallRow, VoicemailRow

log = structlog.get_logger()

_THREADS = 2


class VoicemailIntake:
    """`run` is its work. What is said in a message is in no log line."""

    def __init__(
        self,
        database: Database,
        store: RecordingStore,
        spool: MessageSpool,
        announcements: Announcements,
        links: RecordingLinks,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._spool = spool
        self._announcements = announcements
        self._links = links
        self._clock = clock
        self._threads = Threads(_THREADS, "messages")
        self._lineup = Lineup("messages", self._threads, spool.paths, self._store_path)

    async def keep(self, message: TakenMessage) -> None:
        """Return when the message is safe; it is stored and told of soon after. Once more changes nothing.

        One in which nothing was said is closed as empty. A disk that takes nothing is passed by: then this waits for
        the store. Raises Unavailable when that does not take it either, or the database is away meanwhile.
        """
        if message.is_empty:
            async with self._database.transaction() as session:
                await voicemails.close_empty(session, message.voicemail_id)
            return
        message = _storable(message)
        try:
            path = await self._threads.run(lambda: self._spool.write(message))
        except OSError as error:
            log.warning("message_not_spooled", voicemail_id=message.voicemail_id, error=error.strerror)
            await self._put(message)
            return
        _ = self._lineup.keep(path)

    async def run(self) -> None:
        """Store what comes, and at once and again and again what lies in the spool, until cancelled."""
        await self._lineup.run()

    async def sweep(self) -> None:
        """Line up everything that lies in the spool."""
        await self._lineup.sweep()

    async def settle(self, timeout_s: float) -> None:
        """Wait until everything that was lined up has been tried, or this long: before a process stops."""
        await self._lineup.settle(timeout_s)

    # ------------------------------------------------------------ one message

    async def _store_path(self, path: Path) -> None:
        with claimed(path) as is_ours:
            if not is_ours:
                return
            try:
                message = await self._threads.run(lambda: self._spool.read(path))
                await self._put(message)
            except BadInput:
                log.warning("message_unreadable", part=path.name)
                await self._threads.run(lambda: set_aside(path, ".unreadable"))
            except NotFound:
                log.warning("message_of_no_call", part=path.name)
                await self._threads.run(lambda: set_aside(path, ".unclaimed"))
            else:
                await self._threads.run(path.unlink)

    async def _put(self, message: TakenMessage) -> None:
        """Store the audio, then note it and tell of it. Raises NotFound where nobody knows of the message any more."""
        async with self._database.read() as session:
            row = await voicemails.get_known(session, message.voicemail_id)
        if row.status != voicemails.RECORDING:
            return
        key = f"{row.project_id}/voicemails/{row.id}.wav"
        await self._store.put_bytes(key, message.audio)
        try:
            async with self._database.transaction() as session:
                await agents.hold(session, row.project_id, row.agent_id)
                row = await voicemails.get_known(session, message.voicemail_id, lock=True)
                if row.status == voicemails.RECORDING:
                    _note(row, message, key)
                    await self._tell(session, row, await calls.get_known(session, row.call_id), self._clock())
        except NotFound:  # it was deleted, with its call or its project, while it was stored
            await self._store.delete(key)
            raise
        self._announcements.wake()

    async def _tell(self, session: AsyncSession, row: VoicemailRow, call: CallRow, at: datetime) -> None:
        """`voicemail.received`, and what subscriptions call it."""
        subject = Subject(
            project_id=row.project_id,
            agent_id=row.agent_id,
            channel="voice",
            call_id=row.call_id,
            own_url=call.webhook_url,
        )
        facts = VoicemailFacts(
            voicemail_id=row.id,
            call_id=row.call_id,
            number_id=row.number_id,
            agent_id=row.agent_id,
            from_number=row.from_number,
            to_number=row.to_number,
            reason=row.reason,
            transcript=row.transcript,
            confidence=row.confidence,
            duration_s=row.duration_seconds,
            audio_url=self._links.url(row.id),
            left_at=row.created_at,
            is_test=call.is_test,
        )
        told = voicemail_received(facts, at=at)
        await self._announcements.tell_webhook(session, subject, VOICEMAIL_RECEIVED, at, lambda _limit: told)
        await self._announcements.tell_subscriptions(session, subject, at, flat_events.message_left(facts, at))


def _note(row: VoicemailRow, message: TakenMessage, key: str) -> None:
    row.transcript = message.transcript.strip() or None
    row.confidence = message.confidence if row.transcript is not None else None
    row.duration_ms = message.duration_ms
    row.audio_key, row.audio_bytes = key, len(message.audio)
    row.status = voicemails.STORED


def _storable(message: TakenMessage) -> TakenMessage:
    """Recognisers may send what can be written nowhere: NUL and lone surrogates go."""
    words = message.transcript.replace("\x00", "").encode("utf-8", "ignore").decode()
    return msgspec.structs.replace(message, transcript=words)
