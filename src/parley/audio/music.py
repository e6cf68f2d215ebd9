"""What a waiting caller hears: a loop of soft chords, made by arithmetic, so that nobody has to be paid for it.

Made once a process and format, about 200 ms of work, and cut into pieces of a second that every call is sent as they
are.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from parley.audio.formats import AudioFormat
from parley.audio.tones import Waveform, render, ringing

PIECE_S = 1.0

_BAR_S = 3.0
_LEVEL = 0.16  # of full scale at the loudest, about -24 dBFS on average: below a voice, above a line's noise
# Notes as semitones from A4 = 440 Hz. A line carries 300 to 3400 Hz, so the lowest note lives by its overtones.
_CHORDS = (
    (-21, -5, -2, 2, 5),  # C major seventh
    (-24, -9, -5, -2, 3),  # A minor ninth, without its ninth
    (-28, -12, -9, -5, 0),  # F major seventh
    (-26, -10, -7, -3, 2),  # G sixth
    (-21, -5, -2, 2, 7),
    (-17, -10, -6, -2, 2),  # E minor seventh
    (-28, -9, -5, 0, 3),
    (-26, -10, -5, -3, 2),
)
_OVERTONES = (1.0, 0.35, 0.12, 0.05)
_MELODY = (1, 3, 2, 4, 3, 2)  # which of the chord's notes are picked, evenly over the bar


@lru_cache(maxsize=16)
def music(kind: str, audio_format: AudioFormat) -> tuple[bytes, ...]:
    """One round of endless music, in pieces of a second. `none` is no music and has no pieces.

    `ringing` is the tone of a telephone that rings; any other kind is the default.
    """
    if kind == "none":
        return ()
    sound = ringing(audio_format) if kind == "ringing" else render(_loop(audio_format.sample_rate_hz), audio_format)
    size = audio_format.bytes_in(PIECE_S * 1000)
    return tuple(sound[at : at + size] for at in range(0, len(sound), size))


def _loop(rate_hz: int) -> Waveform:
    """What sounds on at the end of the loop sounds on at its beginning, so the seam cannot be heard."""
    loop: Waveform = np.zeros(round(len(_CHORDS) * _BAR_S * rate_hz))
    for bar, chord in enumerate(_CHORDS):
        begins_s = bar * _BAR_S
        for note in chord:
            _lay(loop, begins_s, rate_hz, _note(note, _BAR_S * 1.5, rate_hz, rises_s=0.9, falls_s=1.6) * 0.5)
        for step, place in enumerate(_MELODY):
            picked = _note(chord[place], 1.8, rate_hz, rises_s=0.012, falls_s=0.45)
            _lay(loop, begins_s + step * _BAR_S / len(_MELODY), rate_hz, picked)
    loop *= _LEVEL / np.max(np.abs(loop))
    return loop


def _note(semitones: int, length_s: float, rate_hz: int, *, rises_s: float, falls_s: float) -> Waveform:
    time = np.arange(round(length_s * rate_hz)) / rate_hz
    pitch_hz = 440.0 * 2 ** (semitones / 12)
    wave: Waveform = np.zeros(len(time))
    for number, strength in enumerate(_OVERTONES, start=1):
        if number * pitch_hz < 0.42 * rate_hz:
            wave += strength * np.sin(2 * np.pi * number * pitch_hz * time)
    rise = np.minimum(time / rises_s, 1.0)
    fall = np.exp(-np.maximum(time - rises_s, 0.0) / falls_s)
    end = np.minimum((length_s - time) / 0.05, 1.0)
    wave *= rise * fall * end
    return wave


def _lay(loop: Waveform, at_s: float, rate_hz: int, sound: Waveform) -> None:
    at = round(at_s * rate_hz)
    places = np.arange(at, at + len(sound)) % len(loop)
    loop[places] += sound
