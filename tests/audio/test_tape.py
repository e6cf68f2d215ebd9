"""Where every byte of a call lies on the tape, by arithmetic: a millisecond is 8 bytes, time is what a test says."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from parley.audio.formats import MULAW_8K, PCM_16K, AudioFormat
from parley.audio.g711 import mulaw_to_pcm16
from parley.audio.playhead import Playhead
from parley.audio.tape import StereoTape, Stretch, interleaved

SILENCE = MULAW_8K.silence_byte
FRAME_BYTES = 160
MS = 8


class Call:
    """A tape whose caller sends numbered frames of 20 ms on time, and a phone that plays and returns marks."""

    def __init__(self) -> None:
        self.tape = StereoTape(MULAW_8K)
        self.tape.join(0.0)
        self.now = 0.0
        self.caller = bytearray()
        self.agent = bytearray()
        self._numbers = itertools.cycle(range(1, 250))

    def frames(self, count: int, *, late_s: float = 0.0) -> None:
        for _ in range(count):
            self.now = round(self.now + 0.02, 6)
            self.tape.hear(frame(next(self._numbers)), self.now + late_s)

    def play(self, letter: bytes, duration_ms: int) -> None:
        self.tape.play(letter * (duration_ms * MS), self.now)

    def take(self) -> None:
        self._keep(self.tape.take(self.now))

    def end(self) -> None:
        self._keep(self.tape.end(self.now))

    def _keep(self, stretch: Stretch) -> None:
        assert len(stretch.caller) == len(stretch.agent)
        self.caller += stretch.caller
        self.agent += stretch.agent


def frame(number: int) -> bytes:
    return bytes([number]) * FRAME_BYTES


def silence(ms: int) -> bytes:
    return SILENCE * (ms * MS)


def sound(letter: bytes, ms: int) -> bytes:
    return letter * (ms * MS)


def numbered(count: int) -> bytes:
    return b"".join(frame(number) for number in itertools.islice(itertools.cycle(range(1, 250)), count))


# ---------------------------------------------------------------- the caller


def test_an_hour_of_frames_with_jitter_lies_end_to_end() -> None:
    jitter = random.Random(7)
    tape = StereoTape(MULAW_8K)
    tape.join(0.0)
    taken, arrived = [], 0.0
    for index in range(180_000):
        arrived = max(arrived, (index + 1) * 0.02 + jitter.uniform(0.0, 0.15))
        tape.hear(frame(1), arrived)
        if index % 500 == 499:
            taken.append(tape.take(arrived).caller)
    laid = b"".join([*taken, tape.end(arrived).caller])
    # The first second is placed by its quickest frame, whose jitter is all that is ever added.
    assert laid.lstrip(SILENCE) == frame(1) * 180_000
    assert len(laid) - 180_000 * FRAME_BYTES < 50 * MS


def test_a_carriers_clock_that_runs_wrong_never_takes_the_tracks_far_apart() -> None:
    for skew in (0.9999, 1.0001):
        tape = StereoTape(MULAW_8K)
        tape.join(0.0)
        for index in range(180_000):
            tape.hear(frame(1), (index + 1) * 0.02 * skew)
        laid = len(tape.end(3600 * skew).caller)
        assert abs(laid - 3600 * skew * 8000) <= 400 * MS


def test_frames_that_come_in_a_burst_after_a_stall_are_no_gap() -> None:
    call = Call()
    call.frames(100)
    stalled = [frame(number) for number in range(101, 151)]
    call.now = 3.0
    for each in stalled:
        call.tape.hear(each, call.now)
    call.frames(0)
    call.end()
    assert call.caller == numbered(150)


def test_a_stream_that_broke_and_came_back_leaves_silence_of_just_that_length() -> None:
    call = Call()
    call.frames(100)
    call.now = 5.0
    call.tape.join(call.now)
    call.frames(60)
    call.end()
    assert call.caller == numbered(100) + silence(3000) + numbered(160)[100 * FRAME_BYTES :]


def test_audio_that_was_lost_inside_a_stream_is_silence_once_it_stays_away() -> None:
    call = Call()
    call.frames(100)
    call.now = 2.5
    call.frames(60)
    call.end()
    assert call.caller == numbered(100) + silence(500) + numbered(160)[100 * FRAME_BYTES :]


def test_a_caller_who_sends_nothing_is_silent_and_nothing_piles_up() -> None:
    call = Call()
    call.frames(10)
    call.now = 60.0
    call.take()
    assert call.caller == numbered(10) + silence(54_800)
    call.frames(60)
    call.end()
    assert call.caller == numbered(10) + silence(59_800) + numbered(70)[10 * FRAME_BYTES :]


@given(st.lists(st.floats(0.0, 0.4), min_size=1, max_size=120))
def test_however_frames_arrive_none_is_lost_doubled_or_moved_past_another(gaps: list[float]) -> None:
    tape = StereoTape(MULAW_8K)
    tape.join(0.0)
    now = 0.0
    laid = bytearray()
    for number, gap in enumerate(gaps, start=1):
        now += gap
        tape.hear(frame(number), now)
        laid += tape.take(now).caller
    laid += tape.end(now).caller
    assert laid.replace(SILENCE, b"") == b"".join(frame(number) for number in range(1, len(gaps) + 1))


# ---------------------------------------------------------------- the agent


def test_the_agent_is_laid_where_the_mark_says_the_phone_had_played_it() -> None:
    call = Call()
    call.frames(50)
    call.play(b"a", 200)
    call.frames(20)
    call.tape.played(200 * MS, call.now)
    call.frames(50)
    call.end()
    assert call.agent == silence(1200) + sound(b"a", 200) + silence(1000)


def test_two_utterances_back_to_back_have_nothing_between_them() -> None:
    call = Call()
    call.frames(50)
    call.play(b"a", 200)
    call.play(b"b", 400)
    call.frames(15)
    call.tape.played(200 * MS, call.now)
    call.take()
    call.frames(21)
    call.tape.played(600 * MS, call.now)
    call.frames(14)
    call.end()
    assert call.agent == silence(1100) + sound(b"a", 200) + sound(b"b", 400) + silence(300)


def test_a_cut_keeps_what_the_phone_had_played_and_not_a_byte_more() -> None:
    call = Call()
    call.frames(50)
    call.play(b"a", 200)
    call.play(b"b", 1000)
    call.frames(15)
    call.tape.played(200 * MS, call.now)
    call.frames(25)
    call.tape.flush(call.now)
    call.frames(50)
    call.end()
    assert call.agent == silence(1100) + sound(b"a", 200) + sound(b"b", 500) + silence(1000)


def test_a_mark_that_has_not_come_back_holds_the_cut_at_the_audio_before_it() -> None:
    call = Call()
    call.frames(50)
    call.play(b"a", 200)
    call.play(b"b", 200)
    call.frames(100)
    call.tape.flush(call.now)
    call.end()
    assert b"b" not in call.agent
    assert call.agent.count(b"a") == 200 * MS


def test_after_a_hold_the_tail_is_played_once_more_and_only_the_tail() -> None:
    call = Call()
    call.frames(50)
    call.play(b"a", 200)
    call.play(b"b", 1000)
    call.frames(15)
    call.tape.played(200 * MS, call.now)
    call.frames(20)
    call.tape.flush(call.now)
    call.frames(30)
    call.play(b"b", 600)
    call.frames(35)
    call.tape.played(600 * MS, call.now)
    call.frames(5)
    call.end()
    heard = sound(b"a", 200) + sound(b"b", 400) + silence(700) + sound(b"b", 600)
    assert call.agent == silence(1100) + heard + silence(100)


def test_what_was_queued_when_the_call_ended_was_not_heard() -> None:
    call = Call()
    call.frames(50)
    call.play(b"a", 200)
    call.play(b"b", 5000)
    call.frames(15)
    call.tape.played(200 * MS, call.now)
    call.end()
    assert call.agent == silence(1100) + sound(b"a", 200)


def test_another_phone_begins_to_count_anew_and_hears_what_the_first_had_not() -> None:
    call = Call()
    call.frames(50)
    call.play(b"a", 200)
    call.play(b"b", 200)
    call.frames(15)
    call.tape.played(200 * MS, call.now)
    call.now = 5.0
    call.tape.join(call.now)
    call.play(b"b", 200)
    call.frames(20)
    call.tape.played(200 * MS, call.now)
    call.end()
    assert call.agent.rstrip(SILENCE)[-200 * MS :] == sound(b"b", 200)
    assert len(call.agent) == len(call.caller) == 5400 * MS


def test_marks_that_come_late_with_the_callers_frames_move_nothing() -> None:
    """The whole line stood still for a while: frames and marks come in a burst, in their order."""
    call = Call()
    call.frames(50)
    call.play(b"a", 200)
    call.play(b"b", 200)
    late = call.now + 1.5
    for number in range(51, 126):
        call.tape.hear(frame(number), late)
        if number == 65:
            call.tape.played(200 * MS, late)
        if number == 75:
            call.tape.played(400 * MS, late)
    call.now = late
    call.end()
    assert call.agent == silence(1100) + sound(b"a", 200) + sound(b"b", 200) + silence(1000)


def test_a_phone_that_ran_dry_has_the_gap_on_the_tape_too() -> None:
    call = Call()
    call.frames(50)
    call.play(b"a", 200)
    call.play(b"b", 200)
    call.frames(15)
    call.tape.played(200 * MS, call.now)
    call.frames(35)  # a stretch that was played in 200 ms, told of after 700
    call.tape.played(400 * MS, call.now)
    call.end()
    assert call.agent == silence(1100) + sound(b"a", 200) + silence(500) + sound(b"b", 200)


def test_a_phone_that_returns_no_marks_is_followed_by_the_clock() -> None:
    call = Call()
    call.frames(50)
    call.play(b"a", 200)
    for _ in range(10):
        call.frames(50)
        call.take()
    call.end()
    assert call.agent.count(b"a") == 200 * MS
    assert len(call.agent) == len(call.caller) == 11_000 * MS


@given(
    st.lists(st.tuples(st.sampled_from(["frames", "play", "mark", "flush", "take"]), st.integers(1, 40)), max_size=60)
)
def test_the_agents_track_holds_what_the_playhead_says_was_heard(steps: list[tuple[str, int]]) -> None:
    """Whatever happens in whatever order: both tracks are equally long, and the ledger decides what is on them."""
    call = Call()
    playhead = Playhead(MULAW_8K)
    heard = sent = confirmed = 0
    for what, size in steps:
        if what == "frames":
            call.frames(size)
        elif what == "play":
            call.play(b"a", size * 10)
            playhead.sent(size * 10 * MS, call.now)
            sent += size * 10 * MS
        elif what == "mark" and confirmed < sent:
            confirmed = min(sent, confirmed + size * 10 * MS)
            playhead.confirmed(confirmed, call.now)
            call.tape.played(confirmed, call.now)
        elif what == "flush":
            heard += max(playhead.overdue(call.now), playhead.flushed(call.now))
            sent = confirmed = 0
            call.tape.flush(call.now)
        elif what == "take":
            playhead.overdue(call.now)
            call.take()
    heard += max(playhead.overdue(call.now), playhead.flushed(call.now))
    call.end()
    assert call.agent.count(b"a") == heard
    assert len(call.caller) == len(call.agent)


# ---------------------------------------------------------------- what is made of it


def test_caller_left_agent_right_sample_by_sample() -> None:
    stereo = interleaved(Stretch(b"\x10\x20", b"\xff\x80"), MULAW_8K)
    left, right = mulaw_to_pcm16(b"\x10\x20"), mulaw_to_pcm16(b"\xff\x80")
    assert stereo == left[:2] + right[:2] + left[2:] + right[2:]
    assert interleaved(Stretch(b"", b""), MULAW_8K) == b""


def test_any_format_keeps_its_rate_and_its_whole_samples() -> None:
    for audio_format in (PCM_16K, AudioFormat("alaw", 8000)):
        tape = StereoTape(audio_format)
        tape.join(0.0)
        piece = b"\x01" * audio_format.bytes_in(20)
        for index in range(100):
            tape.hear(piece, (index + 1) * 0.02)
            if index == 50:
                tape.play(piece * 10, 1.02)
        tape.flush(1.1501)
        stretch = tape.end(2.0)
        assert len(stretch.caller) == len(stretch.agent) == audio_format.bytes_in(2000)
        assert len(interleaved(stretch, audio_format)) == 2000 * audio_format.sample_rate_hz // 1000 * 4
