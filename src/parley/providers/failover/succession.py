"""Of one part of one call: which of its providers is in use, and which comes next. No I/O and no clock."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from parley.conversation.facts import Part
from parley.providers.failover.breaker import Breakers


class Succession:
    """Providers are indices into `names`, best first. `first` is the one that the call begins with.

    `announced` is the one that the call is known to use: another one that has shown that it works is news.
    """

    def __init__(self, part: Part, names: Sequence[str], breakers: Breakers, now: float) -> None:
        self.part = part
        self._names = tuple(names)
        self._breakers = breakers
        self._refused: set[int] = set()
        admitted = (index for index, name in enumerate(names) if breakers.admits(part, name, now))
        self.first = next(admitted, 0) if len(names) > 1 else 0
        self.announced = 0
        self._last = self.first

    def has_others(self, index: int) -> bool:
        """Whether the call could go on without this one."""
        return any(each not in self._refused for each in range(len(self._names)) if each != index)

    def next(self, besides: Collection[int] = ()) -> int | None:
        """The one to try next, in their order: one that is not known to be broken, else any that has not refused."""
        count = len(self._names)
        after = [(self._last + step) % count for step in range(1, count + 1)]
        usable = [each for each in after if each not in self._refused and each not in besides]
        sound = (each for each in usable if not self._breakers.is_open(self.part, self._names[each]))
        found = next(sound, usable[0] if usable else None)
        self._last = self._last if found is None else found
        return found

    def is_refused(self, index: int) -> bool:
        return index in self._refused

    def refused(self, index: int) -> None:
        """It will not work in this call any more."""
        self._refused.add(index)

    def failed(self, index: int, reason: str, now: float) -> None:
        """The call had to do without it this time."""
        self._breakers.failed(self.part, self._names[index], now, reason)

    def succeeded(self, index: int) -> bool:
        """It works. True when the call is to be told so, because another one was in use."""
        self._breakers.succeeded(self.part, self._names[index])
        is_news, self.announced = index != self.announced, index
        return is_news
