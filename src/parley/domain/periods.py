"""The days, weeks and months of a time zone that figures are shown by. Weeks begin on Monday."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

Period = Literal["day", "week", "month"]

MOST_PERIODS: Final[dict[Period, int]] = {"day": 366, "week": 262, "month": 60}
"""How many may be asked for at once: a year of days, five years of weeks or months."""
USUAL_PERIODS: Final[dict[Period, int]] = {"day": 30, "week": 12, "month": 12}


class Span(NamedTuple):
    """Whole periods: the first day of each, and the first day after the last."""

    days: Sequence[date]
    after: date

    def bounds(self, zone: ZoneInfo) -> list[datetime]:
        """The moments at which they begin and the last one ends, in UTC: one more than there are periods.

        A day that has no midnight, because the clocks skip it, begins at the moment after.
        """
        return [datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) for day in (*self.days, self.after)]


def beginning(period: Period, day: date) -> date:
    """The first day of the period that this day is in."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "month" else day


def following(period: Period, first: date, count: int = 1) -> date:
    """The first day of the period that comes `count` later (earlier, where it is negative)."""
    if period == "month":
        months = first.year * 12 + first.month - 1 + count
        return date(months // 12, months % 12 + 1, 1)
    return first + timedelta(days=count * (7 if period == "week" else 1))


def span(period: Period, first: date | None, last: date) -> Span | None:
    """All periods from the one with `first` (the usual number back, if None) to the one with `last`.

    None where that is not between one and as many as may be asked for at once.
    """
    end = beginning(period, last)
    at = following(period, end, 1 - USUAL_PERIODS[period]) if first is None else beginning(period, first)
    if not 0 <= (end - at).days <= MOST_PERIODS[period] * 31:
        return None
    days = []
    while at <= end:
        days.append(at)
        at = following(period, at)
    return Span(days, at) if len(days) <= MOST_PERIODS[period] else None
