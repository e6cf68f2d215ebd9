"""Changing the sample rate of speech as it streams: a polyphase FIR filter with a constant, short delay.

Each output sample is a weighted sum of the input around it; the weights depend only on where between two input samples
it falls, so there is one small set of weights (a *phase*) for each such place. Weights are a sinc cut off by a Kaiser
window (Oppenheim & Schafer, Discrete-Time Signal Processing, 7.5), 24 of them per period of the lower rate.

For a lower rate of 8 kHz that means: flat to 3.2 kHz (-0.8 dB at 3.4), what would fold back from above 4.7 kHz below
-80 dB, a sample out 1.5 ms after it went in, and about 30 microseconds of work for 20 ms of audio. The output does not
depend on how the input was cut into pieces.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_TAPS = 24  # per phase, counted in samples of the lower rate
_KAISER_BETA = 8.0  # sidelobes below -80 dB
_CUTOFF = 0.95  # of half the lower rate


class Resampler:
    """Converts one stream of 16-bit samples (little-endian bytes) from one rate to another, both in Hz."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        common = gcd(from_hz, to_hz)
        self._up, self._down = to_hz // common, from_hz // common
        self._phases = _design(self._up, self._down)
        taps = self._phases.shape[1]
        # As if silence came before: the first output then lies exactly on the first input, and no sound is shifted.
        self._pending: Samples = np.zeros(taps // 2 - 1, dtype=np.float32)
        self._next = 0  # where the next output lies, in steps of 1/up input samples from the start of `_pending`
        self._odd_byte = b""

    def feed(self, pcm16: bytes) -> bytes:
        """The output that `pcm16` completes. A sample cut in half by the end of the piece waits for its other half."""
        data = self._odd_byte + pcm16
        whole = len(data) & ~1
        self._odd_byte = data[whole:]
        return self._advance(np.frombuffer(data[:whole], dtype="<i2").astype(np.float32))

    def flush(self) -> bytes:
        """The output still inside the filter, as if silence followed. The resampler is spent after this."""
        return self._advance(np.zeros(self._phases.shape[1] // 2, dtype=np.float32))

    def _advance(self, arrived: Samples) -> bytes:
        pending: Samples = np.concatenate((self._pending, arrived))
        taps = self._phases.shape[1]
        reach = (len(pending) - taps + 1) * self._up  # windows that are complete begin before this
        count = max(0, -((self._next - reach) // self._down)) if reach > self._next else 0
        if count == 0:
            self._pending = pending
            return b""
        places = self._next + self._down * np.arange(count)
        windows = np.lib.stride_tricks.sliding_window_view(pending, taps)
        if self._up == 1:
            output = windows[self._next : reach : self._down] @ self._phases[0]
        else:
            begins, phases = np.divmod(places, self._up)
            output = np.einsum("ij,ij->i", windows[begins], self._phases[phases])
        self._next += count * self._down
        spent = min(self._next // self._up, len(pending))
        self._next -= spent * self._up
        self._pending = pending[spent:].copy()
        clipped: bytes = np.clip(np.rint(output), -32768, 32767).astype("<i2").tobytes()
        return clipped


@lru_cache(maxsize=32)
def _design(up: int, down: int) -> Samples:
    """Weights as (phase, tap): `phase` p makes the sample p/up input periods after the middle of its window."""
    taps = 2 * ceil(_TAPS / 2 * max(1.0, down / up))
    half_width = taps / 2
    cutoff = _CUTOFF * min(1.0, up / down)  # as a fraction of half the input rate
    fraction = np.arange(up)[:, None] / up
    distance = np.arange(taps)[None, :] - (half_width - 1) - fraction  # in input samples
    inside = np.clip(1.0 - (distance / half_width) ** 2, 0.0, None)
    weights = cutoff * np.sinc(cutoff * distance) * np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA)
    weights /= weights.sum(axis=1, keepdims=True)  # every phase passes a constant unchanged
    return weights.astype(np.float32)
