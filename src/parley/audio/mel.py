"""Speech as the models of the Whisper family read it: how loud each of 80 bands is, 100 times a second.

The bands are triangles on Slaney's mel scale (Auditory Toolbox, 1998: linear to 1 kHz, logarithmic above), each of the
same area. The scale of the result is that of Radford et al., "Robust Speech Recognition via Large-Scale Weak
Supervision" (2022), 2.2: logarithms, nothing below a ten-thousand-millionth part of the loudest, around zero.

About 20 milliseconds of work for 8 seconds of audio: not for an event loop.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
_WINDOW = 400
_HOP = 160
_BANDS = 80
_BREAK_HZ, _BREAK_MEL = 1000.0, 15.0  # where the scale turns from linear to logarithmic
_MEL_PER_E = 27.0 / np.log(6.4)
_FLOOR = 1e-10
_RANGE = 8.0  # decades

Reals = NDArray[np.float64]
Features = NDArray[np.float32]


def log_mel(samples: NDArray[np.float32]) -> Features:
    """The bands (rows) over time (columns), a column for each 10 ms; how loud the whole is does not matter."""
    loud = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    around = np.pad(loud.astype(np.float64), _WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(around, _WINDOW)[: len(samples) : _HOP]
    power = np.abs(np.fft.rfft(windows * _hann(), axis=1)) ** 2
    decades = np.log10(np.maximum(power @ _bands(), _FLOOR)).T
    return np.asarray((np.maximum(decades, decades.max() - _RANGE) + 4.0) / 4.0, dtype=np.float32)


@lru_cache(maxsize=1)
def _hann() -> Reals:
    """Periodic: the first sample of the next window would continue it."""
    return np.hanning(_WINDOW + 1)[:-1]


@lru_cache(maxsize=1)
def _bands() -> Reals:
    """How much of each frequency of a window goes into each band."""
    frequencies = np.arange(_WINDOW // 2 + 1) * RATE_HZ / _WINDOW
    edges = _hz(np.linspace(0.0, _mel(RATE_HZ / 2), _BANDS + 2))
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies[:, None] - low) / (middle - low)
    falling = (high - frequencies[:, None]) / (high - middle)
    return np.asarray(np.maximum(np.minimum(rising, falling), 0.0) * 2.0 / (high - low))


def _mel(hz: float) -> float:
    """Of a frequency above the break."""
    return float(_BREAK_MEL + np.log(hz / _BREAK_HZ) * _MEL_PER_E)


def _hz(mel: Reals) -> Reals:
    return np.where(mel < _BREAK_MEL, mel * _BREAK_HZ / _BREAK_MEL, _BREAK_HZ * np.exp((mel - _BREAK_MEL) / _MEL_PER_E))
