"""A model of the operator's own: loaded with care, asked off the loop, and never waited for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from parley.audio.formats import MULAW_8K, PCM_16K, AudioFormat
from parley.audio.g711 import mulaw_to_pcm16
from parley.audio.watermark import speak
from parley.domain.errors import ConfigurationError
from parley.providers.turn_models.onnx import OnnxTurnModel, speech
from tests.providers.turn_models.tiny_onnx import tiny_model

SENTENCE = speak("Good morning, I would like to book a table for four on Wednesday evening please.")
QUIET = b"\xff" * 8000


@asynccontextmanager
async def model(folder: Path) -> AsyncIterator[OnnxTurnModel]:
    path = folder / "turn.onnx"
    path.write_bytes(tiny_model())
    opened = OnnxTurnModel(path)
    try:
        yield opened
    finally:
        await opened.aclose()


async def test_the_end_of_the_sound_is_judged_in_a_thread_and_told_on_the_loop(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with model(tmp_path) as turns:
        verdicts = []
        for audio in (SENTENCE, SENTENCE + QUIET):
            told: asyncio.Future[float] = loop.create_future()
            turns.judge(audio, MULAW_8K, told.set_result)
            assert not told.done()
            verdicts.append(await asyncio.wait_for(told, 30))
    assert verdicts[0] < 0.1 < 0.9 < verdicts[1]


async def test_what_is_no_number_is_no_verdict(tmp_path: Path) -> None:
    told: list[float] = []
    path = tmp_path / "broken.onnx"
    path.write_bytes(tiny_model(steepness=math.nan))
    turns = OnnxTurnModel(path)
    turns.judge(SENTENCE, MULAW_8K, told.append)
    async with asyncio.timeout(30):
        while turns.is_busy:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    await turns.aclose()
    assert not told


async def test_where_too_many_wait_a_question_is_dropped_and_later_ones_are_not(tmp_path: Path) -> None:
    told: list[float] = []
    async with model(tmp_path) as turns:
        for _ in range(50):
            turns.judge(SENTENCE, MULAW_8K, told.append)
        async with asyncio.timeout(30):
            while not told:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.6)
            assert 1 <= len(told) <= 4
            count = len(told)
            turns.judge(SENTENCE, MULAW_8K, told.append)
            while len(told) == count:
                await asyncio.sleep(0.01)


async def test_a_model_that_is_closed_tells_nothing_more(tmp_path: Path) -> None:
    told: list[float] = []
    async with model(tmp_path) as turns:
        for _ in range(4):
            turns.judge(SENTENCE, MULAW_8K, told.append)
        await turns.aclose()
        turns.judge(SENTENCE, MULAW_8K, told.append)
    await asyncio.sleep(0.2)
    assert len(told) <= 1


def test_it_hears_the_last_eight_seconds_with_silence_before_what_is_shorter() -> None:
    heard = speech(SENTENCE, MULAW_8K)
    assert heard.shape == (128_000,)
    assert not heard[: -2 * len(SENTENCE)].any()
    assert np.abs(heard).max() <= 1.0
    wide = np.repeat(np.frombuffer(mulaw_to_pcm16(SENTENCE), dtype="<i2"), 2).tobytes()
    assert np.abs(speech(wide, PCM_16K)).max() == pytest.approx(np.abs(heard).max(), rel=0.2)
    long = speech(QUIET * 2 + SENTENCE * 3 + QUIET * 2, MULAW_8K)
    assert long.shape == (128_000,)
    assert not long[-8000:].any() and long[:8000].any()


@pytest.mark.parametrize("audio_format", [MULAW_8K, AudioFormat("alaw", 8000), PCM_16K])
async def test_a_call_that_has_just_begun_can_be_judged(tmp_path: Path, audio_format: AudioFormat) -> None:
    async with model(tmp_path) as turns:
        assert 0.0 <= turns.probability(b"", audio_format) <= 1.0


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"PARLEY_TURN_MODEL names no file"):
        OnnxTurnModel(tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"no model at all", "cannot be read as an ONNX model"),
        (tiny_model(input_name="audio"), "input_features"),
        (tiny_model(frames=1600), "1, 80, 800"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=complaint):
        OnnxTurnModel(path)
