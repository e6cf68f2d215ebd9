"""Days, weeks and months as a clock on the wall has them, also where the clocks are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.periods import MOST_PERIODS, Period, span

BERLIN = ZoneInfo("Europe/Berlin")


def lengths(period: Period, first: date, last: date, zone: ZoneInfo) -> list[timedelta]:
    found = span(period, first, last)
    assert found is not None
    bounds = found.bounds(zone)
    return [after - before for before, after in pairwise(bounds)]


def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is() -> None:
    hours = [each / timedelta(hours=1) for each in lengths("day", date(2026, 3, 28), date(2026, 3, 30), BERLIN)]
    assert hours == [24, 23, 24]
    hours = [each / timedelta(hours=1) for each in lengths("day", date(2026, 10, 24), date(2026, 10, 26), BERLIN)]
    assert hours == [24, 25, 24]
    [october] = lengths("month", date(2026, 10, 5), date(2026, 10, 31), BERLIN)
    assert october == timedelta(days=31, hours=1)


def test_a_day_without_a_midnight_begins_after_it() -> None:
    found = span("day", date(2026, 4, 24), date(2026, 4, 24))
    assert found is not None
    begins, ends = found.bounds(ZoneInfo("Africa/Cairo"))  # at 0:00 it is 1:00 that day
    assert (begins, ends) == (datetime(2026, 4, 23, 22, tzinfo=UTC), datetime(2026, 4, 24, 21, tzinfo=UTC))


def test_periods_are_whole() -> None:
    weeks = span("week", date(2026, 11, 4), date(2026, 11, 20))
    assert weeks is not None
    assert (weeks.days, weeks.after) == ([date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16)], date(2026, 11, 23))
    months = span("month", date(2025, 12, 31), date(2026, 1, 1))
    assert months is not None
    assert (months.days, months.after) == ([date(2025, 12, 1), date(2026, 1, 1)], date(2026, 2, 1))


def test_without_a_beginning_the_usual_number_is_shown() -> None:
    today = date(2026, 11, 20)
    days, months = span("day", None, today), span("month", None, today)
    assert days is not None
    assert months is not None
    assert (len(days.days), days.days[-1]) == (30, today)
    assert (months.days[0], len(months.days)) == (date(2025, 12, 1), 12)


def test_what_is_too_much_or_backwards_is_none() -> None:
    assert span("day", date(2025, 1, 1), date(2026, 1, 2)) is None
    assert span("day", date(2025, 1, 2), date(2026, 1, 2)) is not None
    assert span("day", date(2026, 1, 2), date(2026, 1, 1)) is None
    assert span("month", date(2000, 1, 1), date(2099, 1, 1)) is None
    assert span("week", date(2000, 1, 1), date(2099, 1, 1)) is None


@given(
    st.sampled_from(["day", "week", "month"]),
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    st.integers(0, 400),
    st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo"]
    ),
)
def test_bounds_always_rise_and_hold_the_days_asked_for(period: Period, first: date, days: int, zone: str) -> None:
    last = min(first + timedelta(days=days), date(2099, 12, 31))
    found = span(period, first, last)
    if found is None:
        assert days >= MOST_PERIODS[period]
        return
    bounds = found.bounds(ZoneInfo(zone))
    assert len(bounds) == len(found.days) + 1
    assert all(before <= after for before, after in pairwise(bounds))
    assert found.days[0] <= first <= last < found.after


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_the_last_day_alone_is_one_period(period: Period) -> None:
    found = span(period, date(2026, 2, 28), date(2026, 2, 28))
    assert found is not None
    assert len(found.days) == 1
