"""G.711, conversion of clips, keys as tones, and made sounds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from parley.audio.conversion import Converter, convert
from parley.audio.dtmf import MOST_DIGITS, dtmf
from parley.audio.formats import MULAW_8K, PCM_8K, PCM_16K, AudioFormat
from parley.audio.g711 import alaw_to_pcm16, mulaw_to_pcm16, pcm16_to_alaw, pcm16_to_mulaw
from parley.audio.tones import beep, ringing
from parley.domain.errors import BadInput

ALAW_8K = AudioFormat("alaw", 8000)
EVERY_BYTE = bytes(range(256))
KEYS = {"1": (697, 1209), "5": (770, 1336), "9": (852, 1477), "0": (941, 1336), "*": (941, 1209), "#": (941, 1477)}


def test_g711_codes_survive_the_way_to_samples_and_back() -> None:
    assert pcm16_to_alaw(alaw_to_pcm16(EVERY_BYTE)) == EVERY_BYTE
    assert pcm16_to_mulaw(mulaw_to_pcm16(EVERY_BYTE)) == EVERY_BYTE.replace(b"\x7f", b"\xff")


def test_g711_known_codes() -> None:
    """Silence and the largest value of each law (ITU-T G.711, tables 1a and 2a)."""
    silence, loudest = b"\x00\x00", (32767).to_bytes(2, "little")
    assert (pcm16_to_mulaw(silence), pcm16_to_mulaw(loudest)) == (b"\xff", b"\x80")
    assert (pcm16_to_alaw(silence), pcm16_to_alaw(loudest)) == (b"\xd5", b"\xaa")


def test_converting_to_the_same_format_copies_nothing() -> None:
    assert Converter(MULAW_8K, MULAW_8K).feed(EVERY_BYTE) is EVERY_BYTE


@pytest.mark.parametrize("target", [MULAW_8K, ALAW_8K, PCM_8K, PCM_16K, AudioFormat("pcm_s16le", 24000)])
def test_a_clip_keeps_its_duration_in_every_format(target: AudioFormat) -> None:
    clip = beep(MULAW_8K, duration_ms=730)
    assert target.duration_ms(len(convert(clip, MULAW_8K, target))) == pytest.approx(730, abs=0.2)


def spectrum_peaks(audio: bytes, audio_format: AudioFormat) -> tuple[int, int]:
    """The strongest frequency below and above 1,075 Hz."""
    pcm = convert(audio, audio_format, AudioFormat("pcm_s16le", audio_format.sample_rate_hz))
    wave = np.frombuffer(pcm, "<i2")
    power: NDArray[np.float64] = np.abs(np.fft.rfft(wave, audio_format.sample_rate_hz))
    return int(np.argmax(power[:1075])), 1075 + int(np.argmax(power[1075:1700]))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("audio_format", [MULAW_8K, ALAW_8K, PCM_16K])
def test_each_key_is_its_pair_of_tones(key: str, audio_format: AudioFormat) -> None:
    sound = dtmf(key, audio_format)
    assert audio_format.duration_ms(len(sound)) == pytest.approx(200, abs=0.5)
    low, high = spectrum_peaks(sound[: audio_format.bytes_in(100)], audio_format)
    assert abs(low - KEYS[key][0]) <= 10 and abs(high - KEYS[key][1]) <= 10


def test_pauses_between_keys() -> None:
    assert MULAW_8K.duration_ms(len(dtmf("1w2W3", MULAW_8K))) == pytest.approx(3 * 200 + 500 + 1000)
    assert set(dtmf("w", MULAW_8K)) == {0xFF}


@pytest.mark.parametrize("digits", ["", "12a", "1 2", "1" * (MOST_DIGITS + 1), "１"])
def test_what_is_not_a_key_is_refused(digits: str) -> None:
    with pytest.raises(BadInput):
        dtmf(digits, MULAW_8K)


def test_ringing_is_two_seconds_of_tone_and_four_of_silence() -> None:
    sound = ringing(MULAW_8K)
    assert MULAW_8K.duration_ms(len(sound)) == 6000
    assert set(sound[2 * 8000 :]) == {0xFF}
    assert spectrum_peaks(sound[:8000], MULAW_8K)[0] in (440, 480)
