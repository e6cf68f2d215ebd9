"""The playout buffer and its timeline as arithmetic: every time is passed in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.simulation.playout import FRAME_BYTES, Playout
from parley.simulation.timeline import Heard, Said, Timeline


def test_marks_come_back_when_their_audio_was_played() -> None:
    playout = Playout(Timeline())
    playout.arrive(b"a" * FRAME_BYTES * 2, 0.0)
    playout.mark("end")
    assert playout.tick(0.00) == []
    assert playout.tick(0.02) == []
    assert playout.tick(0.04) == ["end"]


def test_a_mark_without_audio_before_it_comes_back_at_once() -> None:
    playout = Playout(Timeline())
    playout.mark("now")
    playout.tick(0.0)
    assert playout.tick(0.02) == ["now"]


def test_a_clear_returns_all_marks_and_cuts_the_stretch() -> None:
    timeline = Timeline()
    playout = Playout(timeline)
    playout.arrive(b"a" * 1600, 0.0)
    playout.mark("one")
    playout.arrive(b"a" * 1600, 0.0)
    playout.mark("two")
    playout.tick(0.0)
    assert playout.clear(0.01) == ["one", "two"]
    stretch = timeline.heard[0]
    assert (len(stretch.audio), stretch.was_cleared, stretch.cleared_ms) == (FRAME_BYTES, True, 380.0)
    assert stretch.ended_at == pytest.approx(0.01)
    assert not playout.is_speaking
    assert playout.tick(0.02) == []


@pytest.mark.parametrize(("gap_ticks", "stretches", "missing_ms"), [(1, 1, 20.0), (10, 1, 200.0), (30, 2, 0.0)])
def test_a_short_silence_is_a_gap_and_a_long_one_an_end(gap_ticks: int, stretches: int, missing_ms: float) -> None:
    timeline = Timeline()
    playout = Playout(timeline)
    playout.arrive(b"a" * FRAME_BYTES, 0.0)
    for tick in range(1 + gap_ticks):
        playout.tick(tick * 0.02)
    at = (1 + gap_ticks) * 0.02
    playout.arrive(b"b" * FRAME_BYTES, at - 0.001)
    playout.tick(at)
    assert len(timeline.heard) == stretches
    assert timeline.missing_ms == pytest.approx(missing_ms)


def test_audio_after_the_caller_spoke_is_an_answer() -> None:
    timeline = Timeline()
    playout = Playout(timeline)
    playout.arrive(b"a" * FRAME_BYTES, 0.0)
    playout.tick(0.0)
    playout.part()
    playout.tick(0.02)
    playout.arrive(b"b" * FRAME_BYTES, 0.05)
    playout.tick(0.06)
    assert [bytes(each.audio[:1]) for each in timeline.heard] == [b"a", b"b"]
    assert timeline.missing_ms == 0


@given(st.lists(st.one_of(st.binary(min_size=1, max_size=500), st.text(min_size=1, max_size=3)), max_size=20))
def test_everything_is_played_once_and_in_order(items: list[bytes | str]) -> None:
    timeline = Timeline()
    playout = Playout(timeline)
    for item in items:
        if isinstance(item, str):
            playout.mark(item)
        else:
            playout.arrive(item, 0.0)
    marks = [name for tick in range(100) for name in playout.tick(tick * 0.02)]
    assert marks == [item for item in items if isinstance(item, str)]
    assert b"".join(stretch.audio for stretch in timeline.heard) == b"".join(i for i in items if isinstance(i, bytes))
    assert timeline.missing_ms == 0


def test_figures() -> None:
    timeline = Timeline()
    timeline.said = [Said("a", 1.0, 2.0), Said("b", 5.0, 5.5), Said("c", 8.0, 9.0), Said("d", 9.5)]
    timeline.heard = [Heard(2.3, 2.32, 5.2), Heard(5.9, 5.92, 7.0)]
    timeline.cleared_at = [5.1]
    assert timeline.reply_ms() == pytest.approx([300.0, 400.0])
    assert timeline.barge_in_ms() == pytest.approx([100.0])
