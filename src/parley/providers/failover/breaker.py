"""Which providers are not worth asking at the moment: one breaker for each, shared by all calls of the process.

Arithmetic only: the caller brings the time. A breaker opens after a few failures with no success among them. While it
is open, calls begin with the next provider in their line; after a pause one call tries the open one again, and the
breaker closes when that succeeds. So a provider that comes back is used again, and one that does not costs a call every
few minutes a second.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from parley.conversation.facts import Part

REFUSALS = frozenset(
    {
        "bad_credentials",
        "empty",
        "unauthorized",
        "out_of_credit",
        "rate_limited",
        "refused",
        "not_found",
        "text_too_long",
        "too_many_utterances",
        "unknown_provider",
    }
)
"""Reasons that lie with one project's key or with what was asked, and say nothing about other calls: a model whose
prompt has it answer nothing is not broken for the others."""

_MOST_BREAKERS = 500


class BreakerRules(msgspec.Struct, frozen=True):
    """Opens after `failures` within `window_s`. A try that nobody tells the outcome of is given up after `probe_s`.

    The pause before a try begins with `pause_s` and doubles with every try that failed, up to `longest_pause_s`.
    """

    failures: int = 3
    window_s: float = 60.0
    pause_s: float = 15.0
    longest_pause_s: float = 240.0
    probe_s: float = 15.0


class Breaker:
    """One provider's. `now` is seconds on any clock that never goes back."""

    __slots__ = ("_failed_at", "_is_probed", "_pause_s", "_retry_at", "_rules", "is_open")

    def __init__(self, rules: BreakerRules) -> None:
        self.is_open = False
        self._rules = rules
        self._failed_at: list[float] = []
        self._pause_s = rules.pause_s
        self._retry_at = 0.0
        self._is_probed = False

    def admits(self, now: float) -> bool:
        """Whether to begin with this provider now. While the breaker is open, each pause lets one call through."""
        if not self.is_open:
            return True
        if now < self._retry_at:
            return False
        self._is_probed, self._retry_at = True, now + self._rules.probe_s
        return True

    def failed(self, now: float) -> None:
        """A call had to do without this provider."""
        if self.is_open:
            if self._is_probed:  # others failed a call that began before
                self._pause_s = min(2 * self._pause_s, self._rules.longest_pause_s)
                self._is_probed, self._retry_at = False, now + self._pause_s
            return
        self._failed_at = [at for at in self._failed_at if at > now - self._rules.window_s]
        self._failed_at.append(now)
        if len(self._failed_at) >= self._rules.failures:
            self.is_open, self._is_probed, self._retry_at = True, False, now + self._pause_s

    def succeeded(self) -> None:
        """It did what it is there for."""
        if self._failed_at:
            self.is_open, self._is_probed, self._pause_s = False, False, self._rules.pause_s
            self._failed_at.clear()


Told = Callable[[Part, str, bool], None]


class Breakers:
    """One a process. `watch` is told of every breaker that opens or closes: part, provider, whether it is open."""

    def __init__(self, rules: BreakerRules | None = None) -> None:
        self._rules = rules or BreakerRules()
        self._breakers: dict[tuple[Part, str], Breaker] = {}
        self._tell: Told = lambda part, name, is_open: None

    def watch(self, tell: Told) -> None:
        self._tell = tell

    def is_open(self, part: Part, name: str) -> bool:
        breaker = self._breakers.get((part, name))
        return breaker is not None and breaker.is_open

    def admits(self, part: Part, name: str, now: float) -> bool:
        """Whether a call may begin with this provider now; see `Breaker.admits`."""
        breaker = self._breakers.get((part, name))
        return breaker is None or breaker.admits(now)

    def failed(self, part: Part, name: str, now: float, reason: str) -> None:
        """A call had to do without it. What only that call's key is to blame for does not count."""
        if reason in REFUSALS:
            return
        breaker = self._breakers.get((part, name)) or self._new(part, name)
        was_open = breaker.is_open
        breaker.failed(now)
        if breaker.is_open and not was_open:
            self._tell(part, name, True)

    def _new(self, part: Part, name: str) -> Breaker:
        """Names come from customers' settings: of too many the oldest is forgotten, and is closed by that."""
        if len(self._breakers) >= _MOST_BREAKERS:
            oldest = next(iter(self._breakers))
            if self._breakers.pop(oldest).is_open:
                self._tell(*oldest, False)
        made = self._breakers[part, name] = Breaker(self._rules)
        return made

    def succeeded(self, part: Part, name: str) -> None:
        """It did what a call asked of it."""
        breaker = self._breakers.get((part, name))
        if breaker is not None:
            was_open = breaker.is_open
            breaker.succeeded()
            if was_open:
                self._tell(part, name, False)
