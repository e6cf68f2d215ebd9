"""Where speech goes on after it was broken off, without knowing where its words lie."""

from __future__ import annotations

import pytest

from parley.audio.conversion import convert
from parley.audio.formats import MULAW_8K, PCM_16K, AudioFormat
from parley.audio.quiet_spot import quiet_spot
from parley.audio.tones import render, sine


def sound(ms: int, audio_format: AudioFormat = MULAW_8K) -> bytes:
    return render(sine(220.0, ms, audio_format.sample_rate_hz), audio_format)


def silence(ms: int, audio_format: AudioFormat = MULAW_8K) -> bytes:
    return audio_format.silence_byte * audio_format.bytes_in(ms)


@pytest.mark.parametrize("audio_format", [MULAW_8K, PCM_16K])
def test_it_goes_back_to_the_end_of_the_last_long_pause(audio_format: AudioFormat) -> None:
    audio = sound(400, audio_format) + silence(80, audio_format) + sound(500, audio_format)
    spot = quiet_spot(audio, audio_format.bytes_in(700), audio_format)
    assert audio_format.duration_ms(spot) == pytest.approx(480, abs=20)


def test_the_closure_of_a_consonant_is_no_gap_between_words() -> None:
    audio = sound(300) + silence(100) + sound(160) + silence(40) + sound(300)
    assert MULAW_8K.duration_ms(quiet_spot(audio, MULAW_8K.bytes_in(700), MULAW_8K)) == pytest.approx(400, abs=20)


def test_without_a_pause_it_goes_back_about_a_word() -> None:
    audio = sound(1000)
    assert MULAW_8K.duration_ms(quiet_spot(audio, MULAW_8K.bytes_in(900), MULAW_8K)) == 600


def test_a_word_that_has_hardly_begun_begins_again() -> None:
    assert quiet_spot(sound(1000), MULAW_8K.bytes_in(100), MULAW_8K) == 0
    assert quiet_spot(b"", 0, MULAW_8K) == 0


def test_it_never_goes_on_behind_what_was_heard() -> None:
    audio = convert(sound(300, PCM_16K), PCM_16K, MULAW_8K) + silence(200)
    for heard in range(0, len(audio), 37):
        assert quiet_spot(audio, heard, MULAW_8K) <= heard
