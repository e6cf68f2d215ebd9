"""How readily an agent gives way to a caller who speaks while it does: one number, and what follows from it."""

from __future__ import annotations

import math

import msgspec

_EAGER_FROM = 0.95
_PLAIN_FROM = 0.5
_LONGEST_SOUND_S = 1.2
_MORE_WORDS = 3
_MORE_SETTLED_WORDS = 2


class Yielding(msgspec.Struct, frozen=True):
    """What makes an agent that is being heard give way.

    It falls silent, reversibly, for a sound that has lasted `sound_s`; `words` of the caller, or `settled_words` of
    them that the recogniser will not take back, make it final. With `heeds_backchannels` an "mm-hm" is as good a word
    as any. With `is_never` nothing does: what the caller says meanwhile is answered afterwards.
    """

    is_never: bool = False
    sound_s: float = 0.0
    words: int = 2
    settled_words: int = 1
    heeds_backchannels: bool = False


def yielding(sensitivity: float, sure_words: int = 2) -> Yielding:
    """What `interruption_sensitivity` means, from 0 to 1; numbers beyond count as the nearer end.

    | sensitivity | falls silent for | gives way for good to |
    |---|---|---|
    | 0 | nothing | nothing |
    | up to 0.5 | a sound of 1.2 s (near 0) down to none (at 0.5) | 5 to 3 words, or 3 to 2 settled ones |
    | 0.5 to 0.95 | every sound, at once | `sure_words`, or one settled word |
    | from 0.95 | every sound, at once | any word, and any "mm-hm" |
    """
    if sensitivity <= 0:
        return Yielding(is_never=True)
    if sensitivity >= _EAGER_FROM:
        return Yielding(words=1, heeds_backchannels=True)
    if sensitivity >= _PLAIN_FROM:
        return Yielding(words=sure_words)
    calm = 1 - sensitivity / _PLAIN_FROM
    return Yielding(
        sound_s=round(_LONGEST_SOUND_S * calm, 3),
        words=sure_words + math.ceil(_MORE_WORDS * calm),
        settled_words=1 + math.ceil(_MORE_SETTLED_WORDS * calm),
    )
