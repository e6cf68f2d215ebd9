"""The timings of the front desk, in one value, so that a test can change any of them."""

from __future__ import annotations

import msgspec


class DeskRules(msgspec.Struct, frozen=True):
    """How long a stage waits for what. All in seconds."""

    first_words_s: float = 1.0
    """A caller who begins to wait is spoken to after this, or as soon as the place is known."""

    repeat_s: float = 30.0
    """So long after it was told last, the place is told again."""

    least_gap_s: float = 8.0
    """A better place is told no sooner than this after the last one, however fast the queue moves."""

    longest_wait_s: float = 7200.0
    """Nobody waits longer than this, whatever has become of the queue."""

    voice_retry_s: float = 1.5
    """A voice that makes no sound for this long is tried again on a fresh connection."""

    voice_limit_s: float = 3.0
    """A voice that makes no sound for this long has failed; in a message's greeting the beep comes then."""

    beep_s: float = 0.4
    """How long the beep lasts."""

    beep_margin_s: float = 1.0
    """A beep that nobody confirms counts as heard this long after its end."""

    unsaid_s: float = 10.0
    """Nothing is said after the beep for this long: nothing will be."""

    tail_s: float = 0.4
    """So much silence behind the last word belongs to a message."""

    key_s: float = 0.3
    """A key is told of this long after its tone began."""

    settle_s: float = 1.5
    """Words of a message's end are waited for this long."""

    media_grace_s: float = 10.0
    """The carrier's stream broke: the call is kept this long for it to come back."""

    write_again_s: float = 10.0
    """What comes next could not be written: it is tried again after this."""
