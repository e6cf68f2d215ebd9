"""Telling the call once that a part lost its connection, and once that it truly has it back."""

from __future__ import annotations

from collections.abc import Callable

from parley.conversation.facts import Part, PartLost, PartRestored

_PAUSES_S = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)


class Lifeline:
    """Bookkeeping of one connection that is mended by itself.

    A peer that accepts and hangs up at once has restored nothing, so `proven` is for the first thing it truly said.
    """

    def __init__(self, part: Part, emit: Callable[[PartLost | PartRestored], None]) -> None:
        self._part = part
        self._emit = emit
        self._failures = 0
        self._heard_at = float("-inf")

    def lost(self, reason: str) -> float:
        """The connection is gone or was not made. Returns seconds to wait before trying again; 0 the first time."""
        if self._failures == 0:
            self._emit(PartLost(self._part, reason))
        pause_s = _PAUSES_S[min(self._failures, len(_PAUSES_S) - 1)]
        self._failures += 1
        return pause_s

    def proven(self, now: float) -> None:
        """The peer answered at `now` (seconds on any clock)."""
        self._heard_at = now
        if self._failures:
            self._failures = 0
            self._emit(PartRestored(self._part))

    @property
    def is_down(self) -> bool:
        return self._failures > 0

    def silent_s(self, now: float) -> float:
        """Seconds since the peer last answered."""
        return now - self._heard_at
