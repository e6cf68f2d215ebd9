"""The header of a recording, and what a file that was cut off still says."""

from __future__ import annotations

import io
import wave

import pytest

from parley.audio.wav import HEADER_BYTES, sample_rate_in, wav_header, whole_frames
from parley.domain.errors import BadInput


def test_a_complete_file_is_read_by_others() -> None:
    samples = bytes(range(200)) * 4
    with wave.open(io.BytesIO(wav_header(16_000, len(samples)) + samples)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 16_000)
        assert file.readframes(file.getnframes()) == samples


def test_a_file_still_being_written_can_be_played_to_where_it_ends() -> None:
    with wave.open(io.BytesIO(wav_header(8000) + b"\x01\x02\x03\x04" * 50)) as file:
        assert len(file.readframes(1_000_000)) == 200


def test_the_rate_is_read_back_and_what_is_no_recording_is_refused() -> None:
    assert sample_rate_in(wav_header(8000)) == 8000
    assert sample_rate_in(wav_header(16_000, 400)) == 16_000
    for other in (b"", b"RIFF", wav_header(8000)[:-1], b"ID3" + bytes(60), b"\0" + wav_header(8000)[1:]):
        with pytest.raises(BadInput):
            sample_rate_in(other)


def test_a_file_cut_off_anywhere_holds_whole_samples() -> None:
    assert [whole_frames(HEADER_BYTES + cut) for cut in (-50, 0, 3, 4, 9)] == [0, 0, 0, 4, 8]
