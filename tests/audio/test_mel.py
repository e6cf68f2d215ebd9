"""Log-mel features: each tone in its band and time, whatever the loudness of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from parley.audio.mel import RATE_HZ, log_mel


def tone(hz: float, seconds: float = 8.0, loudness: float = 0.1) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return (loudness * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize(("hz", "band"), [(200, 4), (1000, 26), (3000, 54), (6000, 72)])
def test_a_tone_is_in_its_band(hz: float, band: int) -> None:
    """On Slaney's scale 200 Hz is 3 mel and 1000 Hz 15, of 45.2 mel in 81 steps at 8 kHz."""
    features = log_mel(tone(hz))
    assert features.shape == (80, 800)
    assert abs(int(features[:, 400].argmax()) - band) <= 1


def test_a_sound_is_at_its_time() -> None:
    features = log_mel(np.concatenate([np.zeros(6 * RATE_HZ, dtype=np.float32), tone(1000, 2.0)]))
    loudest = features.max(axis=0)
    assert (loudest[605:] > loudest.max() - 0.1).all()
    assert (loudest[:595] == features.min()).all()


def test_how_loud_the_whole_is_does_not_matter_and_the_range_is_bounded() -> None:
    loud, soft = log_mel(tone(440, loudness=0.5)), log_mel(tone(440, loudness=0.05))
    assert np.abs(loud - soft).max() < 0.01
    assert loud.max() - loud.min() <= 2.0


def test_silence_has_features_too() -> None:
    assert np.isfinite(log_mel(np.zeros(8 * RATE_HZ, dtype=np.float32))).all()
