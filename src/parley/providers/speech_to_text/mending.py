"""When to try a broken connection again, and when to stop trying. Arithmetic only: the caller brings the time."""

from __future__ import annotations

import random

_DELAYS_S = (0.0, 0.25, 0.5, 1.0, 2.0)
_JITTER = 0.2


class Mending:
    """One connection's troubles: tried again at once, then ever more slowly, for `give_up_s` without a success."""

    def __init__(self, give_up_s: float) -> None:
        self._give_up_s = give_up_s
        self._since: float | None = None
        self._tries = 0

    @property
    def is_lost(self) -> bool:
        return self._since is not None

    def failed(self, now: float) -> float | None:
        """The connection or an attempt at it failed: seconds to wait before the next attempt, or None to give up."""
        if self._since is None:
            self._since = now
        delay_s = _DELAYS_S[min(self._tries, len(_DELAYS_S) - 1)] * random.uniform(1 - _JITTER, 1 + _JITTER)
        self._tries += 1
        return None if now + delay_s - self._since >= self._give_up_s else delay_s

    def mended(self, now: float) -> float:
        """It works again. Returns for how many seconds it did not."""
        lost_s = 0.0 if self._since is None else now - self._since
        self._since, self._tries = None, 0
        return lost_s
