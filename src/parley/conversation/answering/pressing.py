"""How long keys that the agent presses take, so that nobody hangs up in the middle of them."""

from __future__ import annotations

MOST_KEYS = 64
"""That one reply presses: a card's number with its codes has fewer, and each takes its time and its sound."""

_WAITS_S = {"w": 0.5, "W": 1.0}
_KEY_S = 0.2
ON_THE_WAY_S = 0.6  # a lead of silence, and the way to the phone


def pressing_s(digits: str) -> float:
    """From the order to the end of the last tone at the phone, about."""
    return sum(_WAITS_S.get(key, _KEY_S) for key in digits) + ON_THE_WAY_S
