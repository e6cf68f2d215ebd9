"""The buckets usage is shown by: which days and months they are, over month ends, leap days and time zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from parley.domain.usage import last_days, last_months, midnight, minutes

MOMENTS = st.integers(0, 10**10).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(now=MOMENTS, days=st.integers(1, 365))
def test_days_follow_each_other_and_end_today(now: datetime, days: int) -> None:
    found = last_days(now, days)
    assert len(found) == days
    assert midnight(found[-1]) <= now < midnight(found[-1]) + timedelta(days=1)
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(found))


@given(now=MOMENTS, months=st.integers(1, 24))
def test_months_follow_each_other_and_end_this_month(now: datetime, months: int) -> None:
    found = last_months(now, months)
    assert len(found) == months
    assert found[-1] == now.date().replace(day=1)
    for earlier, later in pairwise(found):
        assert (later - timedelta(days=1)).replace(day=1) == earlier


def test_a_leap_day_is_a_day_and_its_month_one_month() -> None:
    now = datetime(2028, 3, 1, 0, 0, 0, tzinfo=UTC)
    assert last_days(now, 3) == [date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)]
    assert last_months(now, 3) == [date(2028, 1, 1), date(2028, 2, 1), date(2028, 3, 1)]
    assert last_days(now - timedelta(microseconds=1), 1) == [date(2028, 2, 29)]


def test_a_day_is_a_utc_day_whatever_the_clock_shows() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert last_days(datetime(2026, 1, 1, 8, 59, tzinfo=tokyo), 1) == [date(2025, 12, 31)]
    assert last_months(datetime(2026, 1, 1, 8, 59, tzinfo=tokyo), 1) == [date(2025, 12, 1)]


def test_a_minute_that_has_begun_counts() -> None:
    assert [minutes(seconds) for seconds in (0, 0.5, 60, 60.5, 3600)] == [0, 1, 1, 2, 60]
