"""The recorded sentences are there, short, and say what the transcript will claim."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from parley.audio.conversion import convert
from parley.audio.formats import MULAW_8K, PCM_8K
from parley.audio.watermark import WatermarkReader
from parley.conversation.lines import CLIP_TEXTS
from parley.conversation.wishes import Clip
from parley.live.clips import load_clip


@pytest.mark.parametrize("name", get_args(Clip))
def test_a_clip_says_its_text(name: Clip) -> None:
    audio = load_clip(name)
    assert WatermarkReader().feed(audio) == CLIP_TEXTS[name].split()
    assert 1000 < MULAW_8K.duration_ms(len(audio)) < 5000


@pytest.mark.parametrize("name", get_args(Clip))
def test_a_clip_is_as_loud_as_a_talker_and_begins_at_once(name: Clip) -> None:
    wave = np.frombuffer(convert(load_clip(name), MULAW_8K, PCM_8K), "<i2") / 32768
    assert 0.04 < float(np.sqrt(np.mean(wave**2))) < 0.2
    assert float(np.max(np.abs(wave))) < 0.99
    assert float(np.max(np.abs(wave[:1600]))) > 0.02
