"""Hears telephone keys in audio, as an exchange does, at the seven frequencies of ITU-T Q.23.

Written apart from `parley.audio.dtmf`, which makes the tones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parley.audio.g711 import mulaw_to_pcm16

Samples = NDArray[np.float64]

_RATE_HZ = 8000
_KEYS = {
    (697, 1209): "1", (697, 1336): "2", (697, 1477): "3",
    (770, 1209): "4", (770, 1336): "5", (770, 1477): "6",
    (852, 1209): "7", (852, 1336): "8", (852, 1477): "9",
    (941, 1209): "*", (941, 1336): "0", (941, 1477): "#",
}  # fmt: skip
_WINDOW, _HOP = 160, 40  # 20 ms tell 697 Hz from 770 Hz; looked at every 5 ms
_LEAST_SHARE = 0.8  # of a window's energy that the two tones have; in speech it is spread
_LEAST_LEVEL = 300.0


class HeardKey(NamedTuple):
    """One key: when its tone began and how long it lasted, to about 5 ms."""

    key: str
    at_ms: float
    lasted_ms: float


def keys_in(mulaw: bytes) -> list[HeardKey]:
    """Every tone, also one that was cut short."""
    samples = np.frombuffer(mulaw_to_pcm16(mulaw), "<i2").astype(np.float64)
    if len(samples) < _WINDOW:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    found: list[HeardKey] = []
    current, since = "", 0
    for place, key in enumerate([*_keys_of(windows), ""]):
        if key != current:
            if current:
                found.append(_heard(current, since * _HOP, place * _HOP))
            current, since = key, place
    return found


def _heard(key: str, since: int, until: int) -> HeardKey:
    length = until - since + _WINDOW // 2  # about half of a window's tone is enough to tell it by
    return HeardKey(key, (since + _WINDOW / 4) / 8, length / 8)


def _keys_of(windows: Samples) -> Iterator[str]:
    """The key in each window, or nothing."""
    energy = (windows**2).sum(axis=1)
    low_hz, high_hz = (sorted(set(column)) for column in zip(*_KEYS, strict=True))
    low, high = _powers(windows, low_hz), _powers(windows, high_hz)
    is_loud = np.sqrt(energy / _WINDOW) >= _LEAST_LEVEL
    is_pair = low.max(axis=1) + high.max(axis=1) >= _LEAST_SHARE * energy
    for heard, low_at, high_at in zip(is_loud & is_pair, low.argmax(axis=1), high.argmax(axis=1), strict=True):
        yield _KEYS[low_hz[low_at], high_hz[high_at]] if heard else ""


def _powers(windows: Samples, frequencies_hz: list[int]) -> Samples:
    """The energy of each frequency in each window, on the scale of the window's own energy."""
    turns = np.exp(-2j * np.pi * np.outer(np.arange(_WINDOW), frequencies_hz) / _RATE_HZ)
    return np.asarray(2 * np.abs(windows @ turns) ** 2 / _WINDOW)
