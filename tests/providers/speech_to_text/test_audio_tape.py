"""What is kept, what goes, and that positions keep their meaning."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley.providers.speech_to_text.audio_tape import AudioTape


def test_reading_starts_where_it_is_asked_or_at_the_oldest_kept() -> None:
    tape = AudioTape(limit_bytes=10)
    tape.append(b"0123456789")
    tape.append(b"abc")
    assert (tape.start, tape.end) == (3, 13)
    assert tape.read(5, 4) == b"5678"
    assert tape.read(0, 100) == b"3456789abc"
    assert tape.read(13, 100) == b""


def test_forgetting_never_goes_back_nor_beyond_the_end() -> None:
    tape = AudioTape(limit_bytes=100)
    tape.append(b"0123456789")
    tape.forget(4)
    tape.forget(2)
    assert (tape.start, tape.read(0, 100)) == (4, b"456789")
    tape.forget(50)
    assert (tape.start, tape.end) == (10, 10)


@given(st.lists(st.one_of(st.binary(max_size=30), st.integers(0, 300)), max_size=30), st.integers(1, 50))
def test_the_tape_is_always_a_true_window_on_everything_heard(steps: list[bytes | int], limit: int) -> None:
    tape, everything = AudioTape(limit), b""
    for step in steps:
        if isinstance(step, bytes):
            tape.append(step)
            everything += step
        else:
            tape.forget(min(step, len(everything)))
        assert tape.end == len(everything)
        assert tape.end - tape.start <= limit
        assert tape.read(tape.start, limit) == everything[tape.start :]
