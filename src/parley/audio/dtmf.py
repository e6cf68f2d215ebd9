"""Telephone keys as sound: the tone pairs of ITU-T Recommendation Q.23.

Timing is 100 ms of tone and 100 ms of silence. Receivers must accept about half of each (ITU-T Q.24; in North America
50 ms of tone, 45 ms of silence, 100 ms from key to key); the rest is for what lies on the way. Voice codecs eat into
the edges, and what conceals a lost packet fills 20 to 40 ms of a gap with the tone before it: "11" would be one key.
"""

from __future__ import annotations

import numpy as np

from parley.audio.formats import AudioFormat
from parley.audio.tones import render, sine
from parley.domain.errors import BadInput

_LOW_HZ = (697, 770, 852, 941)
_HIGH_HZ = (1209, 1336, 1477)
_ROWS = ("123", "456", "789", "*0#")
_PAIRS = {
    key: (low, high) for low, row in zip(_LOW_HZ, _ROWS, strict=True) for key, high in zip(row, _HIGH_HZ, strict=True)
}
_PAUSES_MS = {"w": 500.0, "W": 1000.0}
_TONE_MS = 100.0
_GAP_MS = 100.0
_LOW_LEVEL, _HIGH_LEVEL = 0.22, 0.27  # -10 and -8 dBm0 (G.711's full scale is +3.17)
MOST_DIGITS = 64


def dtmf(digits: str, audio_format: AudioFormat) -> bytes:
    """Sound of `digits` (`0-9 * #`), each tone followed by a gap; `w` waits half a second and `W` a whole one.

    Raises BadInput for any other character, for none at all and for more than MOST_DIGITS.
    """
    return b"".join(dtmf_keys(digits, audio_format))


def dtmf_keys(digits: str, audio_format: AudioFormat) -> list[bytes]:
    """The same, key by key. Raises BadInput as `dtmf` does."""
    if not digits or len(digits) > MOST_DIGITS:
        raise BadInput(f"Give 1 to {MOST_DIGITS} keys to press.")
    if unknown := sorted(set(digits) - _PAIRS.keys() - _PAUSES_MS.keys()):
        raise BadInput(f"Keys are 0-9, * and #, with w or W for a pause; remove {', '.join(map(repr, unknown))}.")
    return [_sound(key, audio_format) for key in digits]


def _sound(key: str, audio_format: AudioFormat) -> bytes:
    if key in _PAUSES_MS:
        return audio_format.silence_byte * audio_format.bytes_in(_PAUSES_MS[key])
    low_hz, high_hz = _PAIRS[key]
    rate = audio_format.sample_rate_hz
    tone = _LOW_LEVEL * sine(low_hz, _TONE_MS, rate) + _HIGH_LEVEL * sine(high_hz, _TONE_MS, rate)
    gap = np.zeros(int(_GAP_MS * rate / 1000))
    return render(np.concatenate((tone, gap)), audio_format)
