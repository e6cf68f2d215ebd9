"""One who watches calls: what waits to be told, bounded, and what becomes of it when it is told too slowly."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime

import msgspec

from parley.domain.live_events import LiveEvent

MOST_EVENTS = 256
MOST_SOUNDS = 40
"""Pieces of a tenth of a second; older ones go when more wait, because what is listened to late is not live."""


class Dropped(msgspec.Struct, frozen=True):
    """So many events were not told, because telling took too long; how the calls stand now is to be told anew."""

    count: int
    at: datetime


class Sound(msgspec.Struct, frozen=True):
    """A piece of what is listened to: `LISTENED_FORMAT`, both channels interleaved."""

    audio: bytes


Told = LiveEvent | Dropped | Sound


class Watcher:
    """Whoever has something to tell puts it here and goes on. With `call_id` None it is told of the whole project."""

    def __init__(self, project_id: str, call_id: str | None, *, most_events: int = MOST_EVENTS) -> None:
        self.project_id = project_id
        self.call_id = call_id
        self.is_over = False
        self._most_events = most_events
        self._events: deque[LiveEvent] = deque()
        self._sounds: deque[bytes] = deque(maxlen=MOST_SOUNDS)
        self._dropped = 0
        self._wake = asyncio.Event()

    def put(self, event: LiveEvent) -> None:
        """When too many wait, interim words go first; when all that is left is of weight, all of it goes at once."""
        if len(self._events) >= self._most_events:
            lasting = [each for each in self._events if not each.is_interim]
            if len(lasting) == len(self._events):
                self._dropped += len(lasting)
                lasting = []
            self._events = deque(lasting)
        self._events.append(event)
        self._wake.set()

    def put_sound(self, audio: bytes) -> None:
        self._sounds.append(audio)
        self._wake.set()

    def end(self) -> None:
        """Nothing more will be told; what waits still is."""
        self.is_over = True
        self._wake.set()

    async def next(self, timeout_s: float) -> Told | None:
        """The next thing to tell; None when nothing came in that time, or all was told and it `is_over`.

        A loss is told before what came after it, and sounds before events, for they are the more urgent.
        """
        if not self._waiting and not self.is_over:
            self._wake.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._wake.wait()
            except TimeoutError:
                return None
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            return Dropped(dropped, datetime.now(UTC))
        if self._sounds:
            return Sound(self._sounds.popleft())
        return self._events.popleft() if self._events else None

    @property
    def _waiting(self) -> bool:
        return bool(self._dropped or self._events or self._sounds)
