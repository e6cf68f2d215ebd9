"""One 20 ms clock for any number of phones.

Phones in the world do not beat together, so members are spread over ten slots of 2 ms; and because every beat is
counted from the start, a late one is made up for and no frame is ever lost or moved.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

TICK_S: Final = 0.02
SLOTS: Final = 10


class Ticking(Protocol):
    """Something that acts every 20 ms. `due` is when it should, on the event loop's clock; it must not block."""

    def tick(self, due: float) -> None: ...


class Metronome:
    """Ticks its members while `run()` runs. `worst_lateness_s` tells how far the machine ever fell behind."""

    def __init__(self) -> None:
        self._slots: list[list[Ticking]] = [[] for _ in range(SLOTS)]
        self._has_members = asyncio.Event()
        self.worst_lateness_s = 0.0

    def join(self, member: Ticking) -> None:
        min(self._slots, key=len).append(member)
        self._has_members.set()

    def leave(self, member: Ticking) -> None:
        """Also safe for one that is no member."""
        for slot in self._slots:
            if member in slot:
                slot.remove(member)
        if not any(self._slots):
            self._has_members.clear()

    async def run(self) -> None:
        """Tick until cancelled. While nobody is a member nothing happens and no time is owed."""
        loop = asyncio.get_running_loop()
        while True:
            await self._has_members.wait()
            began, beat = loop.time(), 0
            while self._has_members.is_set():
                members = self._slots[beat % SLOTS]
                due = began + beat * (TICK_S / SLOTS)
                beat += 1
                if not members:
                    continue
                delay = due - loop.time()
                await asyncio.sleep(max(0.0, delay))
                self.worst_lateness_s = max(self.worst_lateness_s, loop.time() - due)
                for member in tuple(members):
                    member.tick(due)
