"""The playhead against a simulated phone that plays in its own time and whose marks come back late."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.audio.formats import MULAW_8K, PCM_16K
from parley.audio.playhead import Playhead
from tests.searching import tries

RATE = MULAW_8K.bytes_per_second


@dataclass
class SimulatedPhone:
    """Plays what arrives, `delay_s` after it was sent, without gaps while it has audio; marks take `delay_s` back."""

    delay_s: float
    spans: list[tuple[float, float, int, int]] = field(default_factory=list)  # start, end (s), first, last (bytes)

    def send(self, byte_count: int, now: float) -> None:
        free_at, sent = (self.spans[-1][1], self.spans[-1][3]) if self.spans else (0.0, 0)
        start = max(free_at, now + self.delay_s)
        self.spans.append((start, start + byte_count / RATE, sent, sent + byte_count))

    def played(self, now: float) -> float:
        position = 0.0
        for start, end, first, last in self.spans:
            if now >= end:
                position = last
            elif now > start:
                position = first + (now - start) * RATE
        return position

    def marks(self) -> list[tuple[float, int]]:
        return [(end + self.delay_s, last) for _start, end, _first, last in self.spans]


def test_nothing_was_heard_before_audio_can_have_arrived() -> None:
    head = Playhead(MULAW_8K)
    head.sent(8000, now=1.0)
    assert head.position(1.05) == 0
    assert 0 < head.position(1.5) < 4000


def test_a_mark_that_has_not_come_back_holds_the_estimate() -> None:
    head = Playhead(MULAW_8K)
    head.sent(800, now=0.0)
    head.sent(800, now=0.0)
    assert head.position(60.0) == 800
    head.confirmed(800, now=61.0)
    assert head.position(61.05) == 800 + 400
    assert head.position(90.0) == 1600


def test_audio_sent_after_everything_was_played_starts_when_it_is_sent() -> None:
    head = Playhead(MULAW_8K)
    head.sent(800, now=0.0)
    head.confirmed(800, now=0.2)
    head.sent(8000, now=10.0)
    assert head.position(10.0) == 800
    assert head.position(10.6) == 800 + 4000  # The first mark said: audio starts 0.1 s after it is sent.


def test_the_start_delay_is_learned_from_the_marks() -> None:
    head = Playhead(MULAW_8K)
    head.sent(800, now=0.0)
    head.confirmed(800, now=0.4)
    head.sent(8000, now=5.0)
    assert head.position(5.3) == 800
    assert head.position(5.4) == pytest.approx(800 + 800, abs=1)


def test_flushing_tells_what_was_heard_and_counts_from_zero_again() -> None:
    head = Playhead(MULAW_8K)
    head.sent(8000, now=0.0)
    assert head.flushed(now=0.6) == 4000
    assert (head.position(5.0), head.sent_bytes) == (0, 0)
    head.sent(800, now=6.0)
    head.confirmed(8000, now=6.1)  # A mark of the audio that was dropped.
    assert head.position(6.15) < 800


def test_stale_marks_do_not_move_it_back() -> None:
    head = Playhead(MULAW_8K)
    head.sent(800, now=0.0)
    head.sent(800, now=0.0)
    head.confirmed(1600, now=0.4)
    head.confirmed(800, now=0.5)
    assert head.position(0.5) == 1600
    assert head.is_empty


def test_positions_are_whole_samples() -> None:
    head = Playhead(PCM_16K)
    head.sent(32000, now=0.0)
    for step in range(200):
        assert head.position(0.1 + step * 0.00123) % 2 == 0


def test_audio_without_marks_is_estimated_to_its_end_and_no_further() -> None:
    head = Playhead(MULAW_8K)
    for _ in range(10):
        head.sent(160, now=0.0, marked=False)
    assert head.position(0.2) == 800
    assert head.position(9.0) == 1600


def test_memory_is_bounded_when_no_mark_ever_comes() -> None:
    head = Playhead(MULAW_8K)
    for step in range(20_000):
        head.sent(160, now=step * 0.02)
    assert head.position(400.0) == 160
    head.confirmed(20_000 * 160, now=401.0)
    assert head.position(401.0) == 20_000 * 160


def test_end_time_is_when_the_last_byte_will_have_been_played() -> None:
    head = Playhead(MULAW_8K)
    assert head.end_time() == float("-inf")
    head.sent(8000, now=2.0)
    head.sent(8000, now=2.5)
    assert head.end_time() == pytest.approx(4.1)


sends = st.lists(st.tuples(st.floats(0.0, 2.0), st.integers(1, 8000)), min_size=1, max_size=25)


@tries(150)
@given(sends=sends, delay_s=st.floats(0.0, 0.1))
def test_it_never_says_more_than_was_played_and_is_not_far_behind(
    sends: list[tuple[float, int]], delay_s: float
) -> None:
    """With any pattern of sending, bursts and underruns, from below, and behind by the marks' delays at most."""
    phone, head = SimulatedPhone(delay_s), Playhead(MULAW_8K)
    now, events = 0.0, []
    for pause_s, byte_count in sends:
        now += pause_s
        phone.send(byte_count, now)
        events.append((now, "sent", byte_count))
    events += [(at, "mark", position) for at, position in phone.marks()]
    last, worst = 0, 0.0
    end = max(at for at, _kind, _value in events) + 0.5
    events += [(step * 0.05, "look", 0) for step in range(int(end / 0.05) + 1)]
    for at, kind, value in sorted(events, key=lambda event: event[0]):
        if kind == "sent":
            head.sent(value, at)
        elif kind == "mark":
            head.confirmed(value, at)
        position, truth = head.position(at), phone.played(at)
        assert position <= truth + 1
        assert position >= last
        last, worst = position, max(worst, truth - position)
    assert head.position(end) == sum(byte_count for _pause, byte_count in sends)
    assert worst <= (2 * delay_s + 0.1) * RATE + 2


def test_a_phone_that_never_returns_a_mark_is_believed_by_the_clock() -> None:
    playhead = Playhead(MULAW_8K)
    for _ in range(5):
        playhead.sent(1600, now=0.0)
    assert playhead.overdue(3.2) == 0
    assert playhead.overdue(3.4) == 8000
    assert playhead.is_empty
    playhead.sent(1600, now=20.0)
    assert playhead.overdue(20.1) == 0
    assert playhead.overdue(20.5) == 9600


def test_one_mark_is_enough_to_wait_for_the_others() -> None:
    playhead = Playhead(MULAW_8K)
    playhead.sent(1600, now=0.0)
    playhead.sent(1600, now=0.0)
    playhead.confirmed(1600, now=0.3)
    assert playhead.overdue(9.0) == 0
    assert playhead.position(9.0) <= 3200
    assert not playhead.is_empty
    assert playhead.overdue(11.0) == 3200
    assert playhead.is_empty
