"""Voice begins when it has lasted, ends after a pause, and says when it truly did; noise and knocks are neither."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest

from parley.audio.formats import MULAW_8K, AudioFormat, Encoding
from parley.audio.g711 import mulaw_to_pcm16, pcm16_to_alaw, pcm16_to_mulaw
from parley.audio.voice_activity import VoiceActivity, VoiceStep, VoiceTuning
from parley.audio.watermark import speak
from parley.domain.errors import BadInput

Samples = npt.NDArray[np.float64]
SECOND = 8000
SENTENCE = speak("Good morning, I would like to book a table for four on Wednesday evening please.")
QUIET = b"\xff" * SECOND


def samples(mulaw: bytes) -> Samples:
    return np.frombuffer(mulaw_to_pcm16(mulaw), dtype="<i2").astype(np.float64)


def mulaw(wave: Samples) -> bytes:
    return pcm16_to_mulaw(np.clip(wave, -32767, 32767).astype("<i2").tobytes())


def noise(dbfs: float, length: int) -> Samples:
    return np.random.default_rng(7).normal(0, 32768 * 10 ** (dbfs / 20), length)


def hum(frequency_hz: float, dbfs: float, length: int) -> Samples:
    t = 2 * np.pi * frequency_hz * np.arange(length) / SECOND
    return np.asarray(32768 * 10 ** (dbfs / 20) * np.sqrt(2) * (np.sin(t) + 0.3 * np.sin(3 * t)), dtype=np.float64)


def steps(audio: bytes, piece: int = 160, audio_format: AudioFormat = MULAW_8K) -> list[tuple[VoiceStep, float, float]]:
    """(what the voice did, when it was told, when it is said to have been), in ms since the beginning."""
    activity = VoiceActivity(audio_format)
    changes = []
    for at in range(0, len(audio), piece):
        given_ms = audio_format.duration_ms(min(at + piece, len(audio)))
        changes += [(c.step, given_ms, given_ms - c.ago_ms) for c in activity.feed(audio[at : at + piece])]
    return changes


def transitions(
    audio: bytes, piece: int = 160, audio_format: AudioFormat = MULAW_8K
) -> list[tuple[VoiceStep, float, float]]:
    """The steps without what was only a pause."""
    return [one for one in steps(audio, piece, audio_format) if one[0] in ("began", "ended")]


@pytest.mark.parametrize("shift", range(0, 160, 31))
def test_a_sentence_begins_within_100_ms_and_ends_once_with_true_times(shift: int) -> None:
    said_at = 1000 + shift / 8
    said_until = said_at + len(SENTENCE) / 8 - 50  # the last 50 ms are the near silence after a word
    (began, told, since), (ended, told_end, until) = transitions(QUIET + b"\xff" * shift + SENTENCE + QUIET)
    assert (began, ended) == ("began", "ended")
    assert told - said_at <= 100
    assert since == pytest.approx(said_at, abs=15)
    assert told_end - said_until <= 300
    assert until == pytest.approx(said_until, abs=25)


@pytest.mark.parametrize("piece", [1, 100, 160, 161, 320, 1000, 100_000])
def test_how_the_audio_is_cut_changes_nothing_but_when_it_is_told(piece: int) -> None:
    audio = QUIET + SENTENCE + QUIET + SENTENCE + QUIET
    fine, cut = transitions(audio), transitions(audio, piece)
    assert [began for began, _, _ in fine] == [began for began, _, _ in cut] == ["began", "ended", "began", "ended"]
    assert [when for _, _, when in fine] == pytest.approx([when for _, _, when in cut])


@pytest.mark.parametrize("encoding", get_args(Encoding))
@pytest.mark.parametrize("rate", [8000, 16000])
def test_every_format_is_heard_alike(encoding: Encoding, rate: int) -> None:
    wave = np.repeat(samples(QUIET + SENTENCE + QUIET), rate // SECOND)
    pcm = wave.astype("<i2").tobytes()
    encode: dict[str, Callable[[bytes], bytes]] = {"mulaw": pcm16_to_mulaw, "alaw": pcm16_to_alaw, "pcm_s16le": bytes}
    audio = encode[encoding](pcm)
    (_, _, since), (_, _, until) = transitions(audio, 333, AudioFormat(encoding, rate))
    assert since == pytest.approx(1000, abs=15)
    assert until == pytest.approx(950 + len(SENTENCE) / 8, abs=35)


@pytest.mark.parametrize("dbfs", [-60, -50, -45, -40, -35])
def test_noise_on_the_line_is_no_voice_and_speech_in_it_is(dbfs: float) -> None:
    line = noise(dbfs, 4 * SECOND + len(SENTENCE))
    assert transitions(mulaw(line)) == []
    line[2 * SECOND : 2 * SECOND + len(SENTENCE)] += samples(SENTENCE)
    (_, _, since), (_, _, until) = transitions(mulaw(line))
    assert since == pytest.approx(2000, abs=25)
    assert until == pytest.approx(1950 + len(SENTENCE) / 8, abs=60)


@pytest.mark.parametrize("frequency_hz", [50, 60, 100, 120])
@pytest.mark.parametrize("dbfs", [-50, -40])
def test_the_hum_of_a_line_is_no_voice(frequency_hz: float, dbfs: float) -> None:
    assert transitions(mulaw(hum(frequency_hz, dbfs, 5 * SECOND))) == []


@pytest.mark.parametrize("seed", range(40))
def test_clicks_knocks_and_short_coughs_are_no_voice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    length = int(rng.integers(1, 58 * 8))
    burst = [
        noise(-12, length),
        noise(-8, length) * np.exp(-np.arange(length) / 80),
        2 * samples(SENTENCE[:length]),
        np.full(1, 32000.0),
    ][seed % 4]
    shift = int(rng.integers(0, 160))
    assert transitions(QUIET + b"\xff" * shift + mulaw(burst) + QUIET) == []


def test_a_soft_talker_is_heard() -> None:
    soft = mulaw(samples(SENTENCE) * 10 ** (-15 / 20))
    assert [began for began, _, _ in transitions(QUIET + soft + QUIET)] == ["began", "ended"]


def test_steady_loud_noise_does_not_count_as_talking_for_ever() -> None:
    changes = transitions(mulaw(noise(-25, 10 * SECOND)))
    assert not changes or changes[-1][0] == "ended"


def test_a_pause_shorter_than_the_hangover_does_not_end_voice() -> None:
    pause = b"\xff" * (160 * 8)
    assert [began for began, _, _ in transitions(QUIET + SENTENCE + pause + SENTENCE + QUIET)] == ["began", "ended"]


@pytest.mark.parametrize("shift", range(0, 160, 31))
def test_the_end_of_a_sentence_is_a_pause_first_and_dates_from_the_same_moment(shift: int) -> None:
    (paused, told, since), (ended, told_end, until) = steps(QUIET + b"\xff" * shift + SENTENCE + QUIET)[-2:]
    assert (paused, ended) == ("paused", "ended")
    assert since == pytest.approx(until)
    assert 60 <= told - since <= 100
    assert told_end - told == pytest.approx(180)


@pytest.mark.parametrize(
    ("gap_ms", "between"),
    [(40, []), (120, ["paused", "resumed"]), (200, ["paused", "resumed"]), (400, ["paused", "ended", "began"])],
)
def test_a_gap_in_a_sound_is_a_pause_that_is_taken_back(gap_ms: int, between: list[VoiceStep]) -> None:
    vowel = mulaw(hum(180, -20, SECOND // 2))
    heard = steps(QUIET + vowel + b"\xff" * (gap_ms * 8) + vowel + QUIET)
    assert [step for step, _, _ in heard] == ["began", *between, "paused", "ended"]


def test_tuning_decides_how_long_a_pause_ends_voice() -> None:
    activity = VoiceActivity(MULAW_8K, VoiceTuning(hangover_ms=500))
    assert "ended" not in [change.step for change in activity.feed(SENTENCE + b"\xff" * 160 * 20)]
    assert activity.is_voice
    assert [change.step for change in activity.feed(b"\xff" * 160 * 10)] == ["ended"]
    assert not activity.is_voice


def test_an_unusable_rate_is_refused_with_the_way_out() -> None:
    with pytest.raises(BadInput, match="resample"):
        VoiceActivity(AudioFormat("pcm_s16le", 24000))
