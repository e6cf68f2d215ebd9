"""How long one caller pauses in the middle of what they say, learned while they talk."""

from __future__ import annotations

from collections import deque

_LEAST_S = 0.25  # shorter gaps are between words, and every caller has them
_MOST_S = 3.0  # longer ones are of somebody who looks something up
_KNOWN = 3  # so many pauses say something of a caller
_KEPT = 12
_SHARE = 0.8  # all but the longest fifth of the pauses is to fit into what is waited
_SLOWER, _QUICKER = 1.6, 0.6
_TURNS = 6
_CUT_INS = 2
_CUT_IN_MOST_S = 1.2  # who speaks later than this has not gone on, but asks where the answer is
_BREATH_MOST_S = 0.9


class OwnPauses:
    """One caller's pauses within turns, of which the last few count; all bounded."""

    __slots__ = ("_pauses", "_turns")

    def __init__(self) -> None:
        self._pauses: deque[float] = deque(maxlen=_KEPT)
        self._turns: deque[float] = deque(maxlen=_TURNS)  # of each, the pause it was wrongly ended in, or 0

    def learn(self, pause_s: float) -> None:
        """The caller was quiet for so long in the middle of a turn, and then went on."""
        if _LEAST_S <= pause_s <= _MOST_S:
            self._pauses.append(pause_s)

    def turn_taken(self) -> None:
        """A turn was taken for over."""
        self._turns.append(0.0)

    def went_on(self, pause_s: float) -> None:
        """It was not over: the caller was quiet for so long, and then went on."""
        if self._turns and _LEAST_S <= pause_s <= _CUT_IN_MOST_S:
            self._turns[-1] = pause_s
            self.learn(pause_s)

    def pace(self, usual_s: float) -> float:
        """By how much this caller's pauses differ from `usual_s`: 1 for one like others, or not known yet."""
        if len(self._pauses) < _KNOWN:
            return 1.0
        upper_s = sorted(self._pauses)[round(_SHARE * (len(self._pauses) - 1))]
        return min(max((1.3 * upper_s + 0.2) / usual_s, _QUICKER), _SLOWER)

    @property
    def breath_s(self) -> float:
        """How long to wait after what could be the end: 0, unless this caller keeps going on after such ends."""
        cut_in = [pause for pause in self._turns if pause]
        return min(max(cut_in) + 0.1, _BREATH_MOST_S) if len(cut_in) >= _CUT_INS else 0.0
