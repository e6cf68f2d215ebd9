"""Journals of calls on disk, written off the event loop. A journal holds what was said: keep the folder accordingly.

Keys that an agent hides are not in it.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import structlog

from parley.conversation.journals.journal import Entry, Header, encode, without_keys
from parley.domain.agents import KeyEntry

log = structlog.get_logger()

_FLUSH_EVERY_S = 0.5
_MOST_BYTES = 8 * 1024 * 1024


class Journal:
    """One call's journal; with no path it is the quiet twin that writes nothing.

    Lines wait in memory for the next flush. When 8 MiB wait (the disk stands still) the rest of the call is not
    written: a journal with a hole in it would replay differently.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._waiting = bytearray()
        self._is_full = False
        self._hidden: KeyEntry | None = None
        self._closed = asyncio.Event()

    def begin(self, header: Header) -> None:
        keys = header.agent.conduct.keys
        self._hidden = keys if keys.is_hidden else None
        if self.path is not None:
            self._waiting += encode(header)

    def write(self, entry: Entry) -> None:
        if self.path is None or self._is_full:
            return
        self._waiting += encode(entry if self._hidden is None else without_keys(entry, self._hidden))
        if len(self._waiting) > _MOST_BYTES:
            self._is_full = True

    def close(self) -> None:
        self._closed.set()

    async def run(self) -> None:
        """Flush now and then until `close`; a disk that refuses ends the journal, never the call."""
        if self.path is None:
            return
        try:
            while not self._closed.is_set():
                try:
                    async with asyncio.timeout(_FLUSH_EVERY_S):
                        await self._closed.wait()
                except TimeoutError:
                    pass
                await self._flush(self.path)
        except OSError as error:
            self._is_full = True
            self._waiting.clear()
            log.warning("journal_not_written", path=str(self.path), error=error.strerror)
        except asyncio.CancelledError:  # the call failed: its last lines are the ones that tell why
            with contextlib.suppress(OSError):
                _append(self.path, self._waiting)
            raise

    async def _flush(self, path: Path) -> None:
        if self._waiting:
            lines, self._waiting = self._waiting, bytearray()
            await asyncio.to_thread(_append, path, lines)


def _append(path: Path, lines: bytearray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(lines)


class Journals:
    """Opens a journal for each call in `folder`, or quiet ones when there is none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def open(self, call_id: str, after_s: float = 0.0) -> Journal:
        """Each session of a call has a journal of its own; `after_s` is when a later one began, and names it too."""
        name = f"{call_id}-{round(after_s * 1000):09d}" if after_s else call_id
        return Journal(None if self._folder is None else self._folder / f"{name}.jsonl")
