"""Sounds that are made rather than recorded: beeps and the tone a caller hears while it rings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from parley.audio.conversion import convert
from parley.audio.formats import AudioFormat

Waveform = NDArray[np.float64]

_EDGE_MS = 5.0  # A tone that starts at full strength clicks.
_RING_HZ = (440, 480)  # ANSI T1.401 audible ringing: 2 s on, 4 s off
_RING_ON_MS, _RING_OFF_MS = 2000.0, 4000.0
_RING_LEVEL = 0.08


def sine(frequency_hz: float, duration_ms: float, sample_rate_hz: int) -> Waveform:
    """A sine of full scale (-1 to 1) that fades in and out over 5 ms."""
    count = int(duration_ms * sample_rate_hz / 1000)
    wave: Waveform = np.sin(2 * np.pi * frequency_hz * np.arange(count) / sample_rate_hz)
    edge = min(int(_EDGE_MS * sample_rate_hz / 1000), count // 2)
    if edge:
        ramp = np.linspace(0.0, 1.0, edge, endpoint=False)
        wave[:edge] *= ramp
        wave[-edge:] *= ramp[::-1]
    return wave


def render(wave: Waveform, audio_format: AudioFormat) -> bytes:
    """`wave` (-1 to 1, already at the format's rate) in the format's encoding."""
    pcm = np.clip(np.rint(wave * 32767), -32768, 32767).astype("<i2").tobytes()
    return convert(pcm, AudioFormat("pcm_s16le", audio_format.sample_rate_hz), audio_format)


def beep(audio_format: AudioFormat, *, frequency_hz: float = 1000.0, duration_ms: float = 200.0) -> bytes:
    """A short clear tone at speaking loudness."""
    return render(0.3 * sine(frequency_hz, duration_ms, audio_format.sample_rate_hz), audio_format)


def ringing(audio_format: AudioFormat) -> bytes:
    """One period of the North American ringing tone, six seconds long; play it again for as long as it rings."""
    rate = audio_format.sample_rate_hz
    tone = _RING_LEVEL * (sine(_RING_HZ[0], _RING_ON_MS, rate) + sine(_RING_HZ[1], _RING_ON_MS, rate))
    return render(np.concatenate((tone, np.zeros(int(_RING_OFF_MS * rate / 1000)))), audio_format)
