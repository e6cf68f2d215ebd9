"""The benchmark's arithmetic, on values whose answers are known."""

from __future__ import annotations

import math

import pytest

from bench.figures import Playout, histogram_percentile, percentile, read_histogram


def test_percentiles_are_values_that_were_measured() -> None:
    values = [5.0, 1.0, 2.0, 3.0, 4.0]
    assert percentile(values, 0.5) == 3.0
    assert percentile(values, 0.95) == 5.0
    assert percentile([7.0], 0.05) == 7.0
    assert percentile([], 0.5) is None


def test_a_histogram_counts_only_between_the_two_scrapes() -> None:
    before = {0.001: 100.0, 0.01: 100.0, math.inf: 100.0}
    after = {0.001: 150.0, 0.01: 200.0, math.inf: 200.0}
    assert histogram_percentile(before, after, 0.5) == pytest.approx(0.001)
    assert histogram_percentile(before, after, 0.75) == pytest.approx(0.0055)
    assert histogram_percentile(after, after, 0.5) is None


def test_beyond_the_last_bound_the_answer_is_that_bound() -> None:
    assert histogram_percentile({}, {0.01: 0.0, math.inf: 4.0}, 0.95) == 0.01


def test_a_histogram_is_read_from_an_exposition() -> None:
    text = (
        "# HELP lag_seconds How late.\n# TYPE lag_seconds histogram\n"
        'lag_seconds_bucket{le="0.001"} 3.0\nlag_seconds_bucket{le="+Inf"} 4.0\n'
        'lag_seconds_bucket_other{le="0.5"} 9.0\nlag_seconds_count 4.0\n'
    )
    assert read_histogram(text, "lag_seconds") == {0.001: 3.0, math.inf: 4.0}


def test_audio_that_arrives_ahead_leaves_no_gap() -> None:
    phone = Playout()
    phone.receive(10.0, 8000)
    phone.receive(10.5, 8000)
    assert (phone.gap_s, phone.spoken_s, phone.played_until) == (0.0, 2.0, 12.0)


def test_running_dry_inside_a_stretch_is_a_gap() -> None:
    phone = Playout()
    phone.receive(10.0, 800)
    phone.receive(10.25, 800)
    assert phone.gap_s == pytest.approx(0.15)
    assert phone.played_until == pytest.approx(10.35)


def test_silence_between_stretches_is_no_gap() -> None:
    phone = Playout()
    phone.receive(10.0, 800)
    phone.end_stretch()
    phone.receive(15.0, 800)
    assert phone.gap_s == 0.0


def test_what_was_taken_back_was_not_spoken() -> None:
    phone = Playout()
    phone.receive(10.0, 16000)
    assert phone.cut(10.5) == pytest.approx(1.5)
    assert phone.spoken_s == pytest.approx(0.5)
    phone.receive(20.0, 800)
    assert phone.gap_s == 0.0
