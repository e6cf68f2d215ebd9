"""The benchmark's arithmetic, on values whose answers are known."""

from __future__ import annotations

import math

import pytest

from bench.figures import histogram_percentile, percentile, read_histogram


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
