"""Quality and streaming of the resampler, measured with pure tones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from parley.audio.resampling import Resampler
from tests.searching import tries

PAIRS = [(22050, 8000), (24000, 8000), (16000, 8000), (8000, 16000), (8000, 24000), (48000, 16000)]


def tone(frequency_hz: float, rate_hz: int, seconds: float = 1.0, level: float = 0.9) -> NDArray[np.float64]:
    return level * np.sin(2 * np.pi * frequency_hz * np.arange(int(seconds * rate_hz)) / rate_hz)


def as_pcm(wave: NDArray[np.float64]) -> bytes:
    return np.rint(wave * 32767).astype("<i2").tobytes()


def resample(wave: NDArray[np.float64], from_hz: int, to_hz: int) -> NDArray[np.float64]:
    resampler = Resampler(from_hz, to_hz)
    return np.frombuffer(resampler.feed(as_pcm(wave)) + resampler.flush(), dtype="<i2") / 32767


def level_db(wave: NDArray[np.float64]) -> float:
    middle = wave[len(wave) // 4 : -len(wave) // 4]
    return float(20 * np.log10(np.sqrt(np.mean(middle**2)) * np.sqrt(2) / 0.9 + 1e-9))


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.75])
def test_speech_passes_unchanged_and_unshifted(from_hz: int, to_hz: int, share: float) -> None:
    frequency_hz = share * min(from_hz, to_hz) / 2
    output = resample(tone(frequency_hz, from_hz), from_hz, to_hz)
    wanted = tone(frequency_hz, to_hz)
    assert len(output) == len(wanted)
    inner = slice(200, -200)
    assert np.max(np.abs(output[inner] - wanted[inner])) < 0.002


@pytest.mark.parametrize(("from_hz", "to_hz"), [(22050, 8000), (24000, 8000), (16000, 8000)])
@pytest.mark.parametrize("frequency_hz", [4720.0, 5500.0, 6300.0, 7700.0])
def test_sound_that_would_fold_back_is_gone(from_hz: int, to_hz: int, frequency_hz: float) -> None:
    """The smallest step of 16 bits is at -96 dB, so -80 dB is five of them."""
    assert level_db(resample(tone(frequency_hz, from_hz), from_hz, to_hz)) < -80


@pytest.mark.parametrize("frequency_hz", [300.0, 1000.0, 2500.0])
def test_upsampling_leaves_no_mirror_image(frequency_hz: float) -> None:
    output = resample(tone(frequency_hz, 8000), 8000, 16000)
    assert level_db(output - tone(frequency_hz, 16000)) < -70


@tries(30)
@given(
    pair=st.sampled_from(PAIRS),
    cuts=st.lists(st.integers(1, 4000), min_size=1, max_size=30),
)
def test_output_does_not_depend_on_how_the_stream_was_cut(pair: tuple[int, int], cuts: list[int]) -> None:
    pcm = as_pcm(tone(440.0, pair[0], seconds=0.5))
    whole = Resampler(*pair)
    expected = whole.feed(pcm) + whole.flush()
    pieces = Resampler(*pair)
    output, position = b"", 0
    for cut in cuts:
        output += pieces.feed(pcm[position : position + cut])
        position += cut
    output += pieces.feed(pcm[position:]) + pieces.flush()
    difference = np.frombuffer(output, "<i2").astype(int) - np.frombuffer(expected, "<i2").astype(int)
    assert np.max(np.abs(difference)) <= 1  # the order of a sum's terms may differ


def test_the_delay_is_short_and_constant() -> None:
    """What is not out yet after any number of 20 ms frames is at most 1.5 ms of sound and one sample."""
    resampler, out = Resampler(22050, 8000), 0
    frame = as_pcm(tone(500.0, 22050, seconds=0.02))
    for count in range(1, 200):
        out += len(resampler.feed(frame)) // 2
        behind_s = count * (len(frame) // 2) / 22050 - out / 8000
        assert 0 <= behind_s <= 0.0015 + 1 / 8000


def test_clipping_does_not_wrap_around() -> None:
    square = np.where(tone(100.0, 16000) > 0, 1.0, -1.0)
    output = resample(square, 16000, 8000)
    assert output.max() > 0.99 and output.min() < -0.99
    assert np.all(np.abs(np.diff(output[100:-100])) < 2.1)
