"""From the spool to the store: what was recorded is stored as soon as it is complete, and as often as it takes.

A call that moved from one replica to another was recorded in parts. Each is stored as it comes; whoever stores a later
one puts both together in the order they were recorded in, and the call's row is changed only if nobody else did
meanwhile. A key names the parts that are in it, so that doing it again after a crash adds nothing twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from parley.audio.wav import HEADER_BYTES
from parley.domain.errors import BadInput, NotFound
from parley.services.lineup import Lineup, Threads
from parley.storage import call_recordings, calls
from parley.storage.database import Database
from parley.storage.recordings import RecordingStore
from parley.storage.spool import Part, PartFile, Piece, Spool, claimed, join, mend, set_aside

log = structlog.get_logger()
Result = TypeVar("Result")

_THREADS = 4
_MOST_ATTEMPTS = 5


class RecordingIntake:
    """`run` is its work. What cannot be stored stays in the spool, and is tried again every 15 seconds."""

    def __init__(self, database: Database, store: RecordingStore, spool: Spool) -> None:
        self._database = database
        self._store = store
        self._spool = spool
        self._threads = Threads(_THREADS, "recordings")
        self._lineup = Lineup("recordings", self._threads, self._paths, self._store_path)

    def new_part(self, call_id: str, offset_ms: int, sample_rate_hz: int) -> PartFile:
        """A file to record into, made when it is first written to."""
        return self._spool.new_part(call_id, offset_ms, sample_rate_hz)

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Do what touches the disk, in one of a few threads of recordings' own."""
        return await self._threads.run(work)

    def keep(self, path: Path) -> asyncio.Future[None]:
        """Store a complete part soon. The future is done after the first attempt, however it went."""
        return self._lineup.keep(path)

    async def run(self) -> None:
        """Store what comes, and at once and again and again what lies in the spool, until cancelled."""
        await self._lineup.run()

    async def sweep(self) -> None:
        """Line up everything that lies in the spool; who still writes there is not disturbed."""
        await self._lineup.sweep()

    async def settle(self, timeout_s: float) -> None:
        """Wait until everything that was lined up has been tried, or this long: before a process stops."""
        await self._lineup.settle(timeout_s)

    def _paths(self) -> Sequence[Path]:
        return [part.path for part in self._spool.parts()]

    async def _store_path(self, path: Path) -> None:
        await self._store_part(self._spool.part_at(path))

    # ------------------------------------------------------------ one part

    async def _store_part(self, part: Part) -> None:
        with claimed(part.path) as is_ours:
            if not is_ours:
                return
            try:
                size = await self.in_thread(lambda: mend(part.path))
            except BadInput:
                log.warning("recording_unreadable", part=part.path.name)
                await self.in_thread(lambda: set_aside(part.path, ".unreadable"))
                return
            if not size or await self._put(part, size):
                await self.in_thread(part.path.unlink)

    async def _put(self, part: Part, size: int) -> bool:
        """True when the part is where it belongs, or was deleted; False when its file has to stay."""
        for _ in range(_MOST_ATTEMPTS):
            try:
                async with self._database.read() as session:
                    call = await calls.get_known(session, part.call_id)
            except NotFound:
                log.warning("recording_of_no_call", part=part.path.name)
                await self.in_thread(lambda: set_aside(part.path, ".unclaimed"))
                return False
            folder, before = f"{call.project_id}/{call.id}", call.recording_key
            if before == call_recordings.ERASED:
                await self._store.delete_all(folder)
                return True
            pieces, piece = _pieces(before), Piece(part.offset_ms, size - HEADER_BYTES)
            if piece in pieces:
                return True
            key = f"{folder}/{_name([*pieces, piece])}"
            whole = size if before is None else await self._put_joined(part, piece, before, key)
            if before is None:
                await self._store.put(key, part.path)
            async with self._database.transaction() as session:
                is_noted = await call_recordings.note(session, call.id, before, key, whole)
            if is_noted and before is not None:
                await self._store.delete(before)
            if is_noted:
                return True
            # Another replica was faster. Nobody else stores this part, so nobody else has this key.
            await self._store.delete(key)
        return False

    async def _put_joined(self, part: Part, piece: Piece, before: str, key: str) -> int:
        """Store the part together with what is stored already; returns the length of both."""
        stored, whole = part.path.with_suffix(".stored"), part.path.with_suffix(".joined")
        try:
            await self._fetch(before, stored)
            size = await self.in_thread(lambda: join(stored, _pieces(before), part.path, piece, whole))
            await self._store.put(key, whole)
        finally:
            with contextlib.suppress(OSError):
                stored.unlink(missing_ok=True)
                whole.unlink(missing_ok=True)
        return size

    async def _fetch(self, key: str, target: Path) -> None:
        chunks = await self._store.open(key, 0, await self._store.size(key))
        with target.open("wb") as file:
            async for chunk in chunks:
                await self.in_thread(partial(file.write, chunk))


def _name(pieces: list[Piece]) -> str:
    return "_".join(f"{piece.offset_ms:09d}-{piece.size}" for piece in sorted(pieces)) + ".wav"


def _pieces(key: str | None) -> list[Piece]:
    if key is None:
        return []
    named = key.rpartition("/")[2].removesuffix(".wav").split("_")
    return [Piece(*map(int, name.split("-"))) for name in named]
