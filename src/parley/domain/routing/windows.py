"""Times of the day, windows and business hours: what a clock on the wall of some time zone says about a moment.

A moment has one time on the wall, so nothing here is ambiguous: a window that a change to summer time skips does not
come that day, and one that the change back repeats comes twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from parley.domain.routing.shapes import WEEKDAYS, BusinessHours, Holiday, Hours, Weekday

DAY_MINUTES = 24 * 60
_NO_PLACES = ("Factory", "localtime", "posix", "posixrules", "right")


def minute_of_day(text: str) -> int:
    """The minute since midnight, 0 to 1440, of a 24-hour `HH:MM`; `24:00` is the day's end. Raises ValueError."""
    found = re.fullmatch(r"([0-9]{2}):([0-5][0-9])", text)
    minute = int(found[1]) * 60 + int(found[2]) if found else -1
    if not 0 <= minute <= DAY_MINUTES:
        raise ValueError("must be a time of the day like 09:00, from 00:00 to 24:00")
    return minute


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def require_zone(name: str) -> str:
    """The name itself. Raises ValueError unless it is in the IANA time zone database."""
    try:
        if name.split("/")[0] in _NO_PLACES:
            raise ValueError
        _zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder's name, such as America, is an OSError
        raise ValueError("must be a time zone of the IANA database, like America/New_York or UTC") from None
    return name


def require_date(text: str) -> str:
    """The text itself. Raises ValueError unless it is a day of the calendar: `2026-12-24`, or `12-24` for every year.

    29 February is a day of every year that has one.
    """
    try:
        date.fromisoformat(text if len(text) == 10 else f"2000-{text}")
    except ValueError:
        raise ValueError("must be a day like 2026-12-24, or like 12-24 for every year") from None
    return text


class WallClock(msgspec.Struct, frozen=True):
    """What calendar and clock show at a moment in a time zone. `minute` is since midnight, 0 to 1439."""

    zone: str
    day: date
    minute: int

    @classmethod
    def at(cls, moment: datetime, zone: str) -> WallClock:
        local = moment.astimezone(_zone(zone))
        return cls(zone, local.date(), local.hour * 60 + local.minute)

    @property
    def shown(self) -> str:
        """Like `Monday 2026-01-05 20:05 in Europe/Paris`."""
        time = f"{self.minute // 60:02}:{self.minute % 60:02}"
        return f"{weekday_of(self.day).capitalize()} {self.day.isoformat()} {time} in {self.zone}"


def weekday_of(day: date) -> Weekday:
    return WEEKDAYS[day.weekday()]


def began_on(hours: Hours, clock: WallClock) -> date | None:
    """The day on which the window that the clock is within began; None outside. The end is not part of it."""
    start, end = minute_of_day(hours.start), minute_of_day(hours.end)
    if start < end:
        return clock.day if start <= clock.minute < end else None
    if clock.minute >= start:
        return clock.day
    return clock.day - timedelta(days=1) if clock.minute < end else None


def is_within(hours: Hours, days: Collection[Weekday] | None, clock: WallClock) -> bool:
    """Whether the clock is within a window of these days (None: all). A window past midnight is of the day it began."""
    began = began_on(hours, clock)
    return began is not None and (days is None or weekday_of(began) in days)


def holiday_on(hours: BusinessHours | None, day: date) -> Holiday | None:
    """The first that is listed for this day."""
    shown = day.isoformat()
    listed = hours.holidays if hours is not None else ()
    return next((each for each in listed if each.date in (shown, shown[5:])), None)


def hours_on(hours: BusinessHours, day: date) -> Hours | None:
    """When the day's hours begin and end; None where the day is closed. A holiday's stand in for the weekday's."""
    holiday = holiday_on(hours, day)
    return holiday.hours if holiday is not None else hours.schedule.get(weekday_of(day))


def is_open(hours: BusinessHours, clock: WallClock) -> bool:
    """Whether the clock is within the hours of today, or within those of yesterday that go past midnight."""
    days = (clock.day, clock.day - timedelta(days=1))
    windows = [(day, hours_on(hours, day)) for day in days]
    return any(window is not None and began_on(window, clock) == day for day, window in windows)
