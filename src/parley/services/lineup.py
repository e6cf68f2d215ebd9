"""Files that wait on this machine's disk for something that may be away: lined up, worked off, and tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from parley.domain.errors import ParleyError

log = structlog.get_logger()
Result = TypeVar("Result")

_SWEEP_EVERY_S = 15.0
_WORKERS = 2
_MOST_WAITING = 1000


class Threads:
    """Not the threads that look up hosts: a disk that stands still must not keep calls from their providers."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, name)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do what touches the disk, in one of a few threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


class Lineup:
    """`found` lists (in a thread) what waits in the folder; `store` brings one file where it belongs and removes it.

    What `store` fails at with a ParleyError or an OSError stays where it is, and is tried again every 15 seconds.
    A thousand files may wait in memory; more than that are found in their folder later. `name` says in the log what
    the files are.
    """

    def __init__(
        self,
        name: str,
        threads: Threads,
        found: Callable[[], Iterable[Path]],
        store: Callable[[Path], Awaitable[None]],
    ) -> None:
        self._name = name
        self._threads = threads
        self._found = found
        self._store = store
        self._waiting: asyncio.Queue[Path] = asyncio.Queue(_MOST_WAITING)
        self._promised: dict[Path, asyncio.Future[None]] = {}

    def keep(self, path: Path) -> asyncio.Future[None]:
        """Store a complete file soon. The future is done after the first attempt, however it went."""
        promised = self._promised.get(path)
        if promised is not None:
            return promised
        promised = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait(path)
        except asyncio.QueueFull:
            promised.set_result(None)
        else:
            self._promised[path] = promised
        return promised

    async def run(self) -> None:
        """Store what comes, and at once and again and again what lies in the folder, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_WORKERS):
                tasks.create_task(self._work())
            while True:
                await self.sweep()
                await asyncio.sleep(_SWEEP_EVERY_S)

    async def sweep(self) -> None:
        """Line up everything that lies in the folder; who still writes there is not disturbed."""
        try:
            for path in await self._threads.run(lambda: list(self._found())):
                _ = self.keep(path)
        except OSError as error:
            log.warning("spool_not_read", what=self._name, error=error.strerror)

    async def settle(self, timeout_s: float) -> None:
        """Wait until everything that was lined up has been tried, or this long: before a process stops."""
        if self._promised:
            await asyncio.wait(set(self._promised.values()), timeout=timeout_s)

    async def _work(self) -> None:
        while True:
            path = await self._waiting.get()
            try:
                await self._store(path)
            except (ParleyError, OSError) as error:
                log.warning("recording_not_stored", what=self._name, part=path.name, error=type(error).__name__)
            finally:
                promised = self._promised.pop(path)
                if not promised.done():
                    promised.set_result(None)
