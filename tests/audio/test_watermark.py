"""Words ride in audio and come out exactly once, however the audio is cut or chunked."""

from __future__ import annotations

import random

import numpy as np
import pytest
import webrtcvad
from hypothesis import example, given
from hypothesis import strategies as st

from parley.audio.g711 import mulaw_to_pcm16, pcm16_to_mulaw
from parley.audio.watermark import MAX_WORD_BYTES, MarkedWord, WatermarkReader, embed, mark_length, speak
from parley.domain.errors import BadInput
from tests.searching import tries

LINE = "Good morning, I would like to book a table for four on Wednesday evening please."

words = st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=12).filter(
    lambda w: w.split() == [w]
)


def in_pieces(audio: bytes, sizes: list[int]) -> list[bytes]:
    pieces, at, index = [], 0, 0
    while at < len(audio):
        size = sizes[index % len(sizes)]
        pieces.append(audio[at : at + size])
        at += size
        index += 1
    return pieces


@tries(60)
@given(st.lists(words, min_size=1, max_size=8), st.lists(st.integers(1, 700), min_size=1, max_size=6))
def test_every_word_is_read_once_in_any_chunking(said: list[str], sizes: list[int]) -> None:
    reader = WatermarkReader()
    heard = [word for piece in in_pieces(speak(" ".join(said)), sizes) for word in reader.feed(piece)]
    assert heard == said


@tries(100)
@given(st.integers(0, 40_000), st.integers(1, 6_000))
@example(5677, 9)
def test_a_hole_loses_only_words_it_touches_and_garbles_none(at: int, length: int) -> None:
    audio = speak(LINE)
    at %= len(audio)
    before, after = WatermarkReader().read(audio), WatermarkReader().read(audio[:at] + audio[at + length :])
    whole = {w.word for w in before if w.end <= at or w.start >= at + length}
    heard = [w.word for w in after]
    assert whole <= set(heard)
    # A touched word may survive by luck, where the bits around the hole happen to join up; nothing else may appear.
    assert heard == [w.word for w in before if w.word in heard]


def test_audio_heard_twice_gives_its_words_twice() -> None:
    audio = speak("once more")
    assert WatermarkReader().feed(audio + audio) == ["once", "more", "once", "more"]


@tries(50)
@given(st.binary(max_size=4000))
def test_noise_holds_no_words(noise: bytes) -> None:
    assert WatermarkReader().feed(noise) == []


def test_a_word_is_told_by_the_byte_that_completes_it_with_its_place() -> None:
    audio = embed(b"\xff" * 1000, [("hello", 300)])
    reader, end = WatermarkReader(), 300 + mark_length("hello")
    assert reader.read(audio[: end - 1]) == []
    assert reader.read(audio[end - 1 :]) == [MarkedWord("hello", 300, end)]


def test_marks_survive_decoding_to_linear_samples_and_back() -> None:
    audio = speak(LINE)
    assert WatermarkReader().feed(pcm16_to_mulaw(mulaw_to_pcm16(audio))) == LINE.split()


def test_a_mark_changes_no_byte_by_more_than_its_last_bit() -> None:
    audio = random.Random(1).randbytes(2000)
    marked = embed(audio, [("quiet", 100), ("words", 900)])
    assert len(marked) == len(audio)
    assert {a ^ b for a, b in zip(audio, marked, strict=True)} <= {0, 1}


@pytest.mark.parametrize(
    "marks",
    [[("late", 900)], [("one", 0), ("two", 50)], [("", 0)], [("x" * (MAX_WORD_BYTES + 1), 0)]],
    ids=["beyond the end", "overlapping", "empty", "too long"],
)
def test_a_mark_without_room_is_refused(marks: list[tuple[str, int]]) -> None:
    with pytest.raises(BadInput):
        embed(b"\xff" * 1000, marks)


@pytest.mark.parametrize("mode", [2, 3])
def test_speech_is_voice_to_a_detector_and_as_loud_as_a_caller(mode: int) -> None:
    pcm = mulaw_to_pcm16(speak(" ".join([LINE] * 5)))
    frames = [pcm[at : at + 320] for at in range(0, len(pcm) - 319, 320)]
    detector = webrtcvad.Vad(mode)
    loud = [rms(frame) > 1000 for frame in frames]
    voiced = [detector.is_speech(frame, 8000) for frame in frames]
    assert sum(loud) / len(frames) > 0.7
    assert sum(v for v, at in zip(voiced, loud, strict=True) if at) / sum(loud) > 0.95
    assert 2000 < rms(pcm) < 4500
    assert 0 < longest_run(loud, False) * 20 <= 100


def rms(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, dtype="<i2").astype(float)
    return float(np.sqrt(np.mean(samples**2)))


def longest_run(flags: list[bool], value: bool) -> int:
    best = run = 0
    for flag in flags:
        run = run + 1 if flag is value else 0
        best = max(best, run)
    return best


@pytest.mark.parametrize(("text", "words_per_s"), [(LINE, 4.0), (LINE, 2.5), ("Yes, please go on", 4.0)])
def test_speech_lasts_as_long_as_its_words(text: str, words_per_s: float) -> None:
    seconds = len(speak(text, words_per_s)) / 8000
    assert seconds == pytest.approx(len(text.split()) / words_per_s, rel=0.12)


def test_no_words_no_audio() -> None:
    assert speak("  ") == b""
