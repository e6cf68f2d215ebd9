"""The music that waiting callers hear."""

from __future__ import annotations

import numpy as np
import pytest

from parley.audio.formats import MULAW_8K, PCM_16K, AudioFormat
from parley.audio.g711 import mulaw_to_pcm16, pcm16_rms
from parley.audio.music import music
from parley.audio.tones import ringing
from parley.audio.wav import mono_wav


@pytest.mark.parametrize("audio_format", [MULAW_8K, PCM_16K])
def test_it_is_a_round_of_whole_seconds_made_once(audio_format: AudioFormat) -> None:
    round_of = music("default", audio_format)
    assert len(round_of) >= 20
    assert {len(piece) for piece in round_of} == {audio_format.bytes_per_second}
    assert music("default", audio_format) is round_of


def test_it_never_stops_never_shouts_and_has_no_seam() -> None:
    round_of = music("default", MULAW_8K)
    assert all(300 < pcm16_rms(mulaw_to_pcm16(piece)) < 3000 for piece in round_of)
    samples = np.frombuffer(mulaw_to_pcm16(round_of[-1] + round_of[0]), dtype="<i2").astype(float)
    steps = np.abs(np.diff(samples))
    assert steps[7999] <= np.max(steps[:7900]), "no click where the round begins again"
    assert np.max(np.abs(samples)) < 8000


def test_a_queue_may_ring_or_be_silent_and_what_nobody_knows_is_the_default() -> None:
    assert b"".join(music("ringing", MULAW_8K)) == ringing(MULAW_8K)
    assert music("none", MULAW_8K) == ()
    assert music("polka", MULAW_8K) == music("default", MULAW_8K)


def test_a_file_of_one_side_says_what_it_is() -> None:
    file = mono_wav(b"\x01\x00" * 8, 8000)
    assert (file[:4], file[8:16], len(file)) == (b"RIFF", b"WAVEfmt ", 44 + 16)
    assert int.from_bytes(file[22:24], "little") == 1
    assert int.from_bytes(file[28:32], "little") == 16000
    assert int.from_bytes(file[40:44], "little") == 16
