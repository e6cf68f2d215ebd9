"""The days and months that usage is shown by. Days are UTC days; the last one is the one that is still running."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta


def last_days(now: datetime, days: int) -> list[date]:
    """That many UTC days, the earliest first, up to today."""
    today = now.astimezone(UTC).date()
    return [today - timedelta(days=back) for back in range(days - 1, -1, -1)]


def last_months(now: datetime, months: int) -> list[date]:
    """The first days of that many months, the earliest first, up to this month."""
    today = now.astimezone(UTC).date()
    this_month = today.year * 12 + today.month - 1
    return [_first_day(this_month - back) for back in range(months - 1, -1, -1)]


def midnight(day: date) -> datetime:
    """When a UTC day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def minutes(seconds: float) -> int:
    """Whole minutes; one that has begun counts."""
    return -int(-seconds // 60)


def _first_day(month_number: int) -> date:
    year, month = divmod(month_number, 12)
    return date(year, month + 1, 1)
