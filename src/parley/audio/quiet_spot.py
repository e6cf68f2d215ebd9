"""Where speech may go on after it was broken off, when nobody knows where its words lie."""

from __future__ import annotations

from parley.audio.conversion import convert
from parley.audio.formats import AudioFormat
from parley.audio.g711 import pcm16_rms

_LOOK_BACK_MS = 600
_STEP_MS = 20
_QUIET_PART = 0.15  # of the loudest 20 ms: 16 dB below it
_BLIND_BACK_MS = 300  # about one word


def quiet_spot(audio: bytes | bytearray, before: int, audio_format: AudioFormat) -> int:
    """The byte position, at or before `before`, from which to say the broken word again.

    An estimate: the longest pause within the last 600 ms, the later of two equal ones, is taken for the gap between two
    words, and speech goes on at its end. Without a pause it goes back 300 ms.
    """
    step = audio_format.bytes_in(_STEP_MS)
    start = max(before - audio_format.bytes_in(_LOOK_BACK_MS), 0)
    levels = _levels(bytes(audio[start:before]), step, audio_format)
    loudest = max(levels, default=0)
    best_length, best_end, length = 0, None, 0
    for place, level in enumerate(levels, start=1):
        length = length + 1 if level <= loudest * _QUIET_PART else 0
        if length and length >= best_length:
            best_length, best_end = length, place
    if best_end is None:
        return max(before - audio_format.bytes_in(_BLIND_BACK_MS), 0)
    return min(start + best_end * step, before)


def _levels(audio: bytes, step: int, audio_format: AudioFormat) -> list[int]:
    pcm = convert(audio, audio_format, AudioFormat("pcm_s16le", audio_format.sample_rate_hz))
    step = step // audio_format.bytes_per_sample * 2
    return [pcm16_rms(pcm[at : at + step]) for at in range(0, len(pcm), step)]
