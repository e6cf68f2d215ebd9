"""What callers do besides talking: sounds that a detector of voice takes for voice, and no recogniser for words."""

from __future__ import annotations

from parley.audio.formats import MULAW_8K
from parley.audio.watermark import speak

_OTHER_BIT = bytes(byte ^ 1 for byte in range(256))
_COUGH_MS = 260


def mumble(text: str) -> bytes:
    """As long and as loud as saying `text`, 8 kHz mu-law, and not to be understood: nothing is written in it."""
    return speak(text).translate(_OTHER_BIT)


def cough(duration_ms: float = _COUGH_MS) -> bytes:
    """One voiced burst."""
    return mumble("aaaahemmmmmm")[: MULAW_8K.bytes_in(duration_ms)]
