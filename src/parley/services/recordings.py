"""Recordings: shown with their calls, read, and deleted for good."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.byte_ranges import asked_range
from parley.domain.calls import ENDED
from parley.domain.errors import Conflict, NotFound
from parley.services.recording_links import RecordingLinks
from parley.storage import call_recordings, calls
from parley.storage.database import Database
from parley.storage.recordings import RecordingStore
from parley.storage.tables import CallRow


@dataclass(frozen=True, slots=True)
class FoundRecording:
    """A recording, or the part of it from byte `start` to `end` (not included); `size` is all of it.

    `owner_id` is the id of the call, or of the message, whose audio it is.
    """

    owner_id: str
    key: str
    size: int
    start: int
    end: int

    @property
    def is_part(self) -> bool:
        return (self.start, self.end) != (0, self.size)


class Recordings:
    """A foreign or unknown call is NotFound everywhere, and so is one without a recording."""

    def __init__(self, database: Database, store: RecordingStore, links: RecordingLinks) -> None:
        self._database = database
        self._store = store
        self._links = links

    async def link(self, session: AsyncSession, rows: Sequence[CallRow]) -> None:
        """Give each row the link it is shown with: only where there is a recording, and recording is on by now."""
        recorded = [row for row in rows if row.recording_available]
        if not recorded:
            return
        shown = await call_recordings.with_recording_on(session, [row.id for row in recorded])
        for row in recorded:
            row.recording_url = self._links.url(row.id) if row.id in shown else None

    async def find(self, project_id: str, call_id: str, byte_range: str = "") -> FoundRecording:
        """What a client may read; `byte_range` is its Range header. Raises NotFound and RangeNotSatisfiable."""
        async with self._database.read() as session:
            return _found(await calls.get(session, project_id, call_id), byte_range)

    async def find_linked(self, owner_id: str, expires: str, signature: str, byte_range: str = "") -> FoundRecording:
        """What a link opens. Raises Forbidden, and as `find`."""
        self._links.check(owner_id, expires, signature)
        async with self._database.read() as session:
            return _found(await calls.get_known(session, owner_id), byte_range)

    async def read(self, found: FoundRecording) -> AsyncIterator[bytes]:
        """Its bytes in chunks. Raises NotFound and Unavailable before the first of them."""
        return await self._store.open(found.key, found.start, found.end)

    async def open(
        self, project_id: str, call_id: str, byte_range: str = ""
    ) -> tuple[FoundRecording, AsyncIterator[bytes]]:
        """`find` and `read` in one."""
        found = await self.find(project_id, call_id, byte_range)
        return found, await self.read(found)

    async def delete(self, project_id: str, call_id: str) -> None:
        """Erase the recording, also a part that is still to be stored; the call stays. Again is no error.

        Raises NotFound, and Conflict while the call lasts. When the store is away (Unavailable) nobody can read the
        recording any more, but its file is still there: delete again.
        """
        async with self._database.transaction() as session:
            call = await call_recordings.get_locked(session, project_id, call_id)
            if call.recording_key is None and not call.snapshot.get("is_recorded"):
                raise _none()
            if call.status not in ENDED:
                raise Conflict("This call still runs. End it, then delete its recording.")
            call.recording_key, call.recording_bytes = call_recordings.ERASED, None
        await self._store.delete_all(f"{project_id}/{call_id}")


def _found(call: CallRow, byte_range: str) -> FoundRecording:
    if not call.recording_key or call.recording_bytes is None:
        raise _none()
    return found_audio(call.id, call.recording_key, call.recording_bytes, byte_range)


def found_audio(owner_id: str, key: str, size: int, byte_range: str) -> FoundRecording:
    """What of a stored file a Range header asks for. Raises RangeNotSatisfiable."""
    start, end = asked_range(byte_range, size) or (0, size)
    return FoundRecording(owner_id, key, size, start, end)


def _none() -> NotFound:
    return NotFound("This call has no recording.")
