"""What a clock on the wall says about a moment, by moving the moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from parley.domain.routing.shapes import BusinessHours, Hours, Weekday, read_routing
from parley.domain.routing.windows import WallClock, is_open, is_within, require_date

NEW_YORK = "America/New_York"
MONDAY: tuple[Weekday, ...] = ("monday",)
SUNDAY: tuple[Weekday, ...] = ("sunday",)
NINE_TO_FIVE = {"start": "09:00", "end": "17:00"}


def clock(moment: str, zone: str = "UTC") -> WallClock:
    return WallClock.at(datetime.fromisoformat(moment), zone)


def hours(**fields: Any) -> BusinessHours:
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), NINE_TO_FIVE)
    sent = {"timezone": NEW_YORK, "schedule": week} | fields
    found = read_routing({"call_routing": {"business_hours": sent}}).hours
    assert found is not None
    return found


# ---------------------------------------------------------------- windows


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        ("2026-01-05T18:00:00Z", True),
        ("2026-01-05T17:59:59Z", False),
        ("2026-01-05T23:00:00Z", True),
        ("2026-01-06T08:59:59Z", True),
        ("2026-01-06T09:00:00Z", False),
    ],
)
def test_a_window_past_midnight_ends_the_next_morning(moment: str, holds: bool) -> None:
    assert is_within(Hours("18:00", "09:00"), None, clock(moment)) is holds


@pytest.mark.parametrize(
    ("moment", "days", "holds"),
    [
        ("2026-01-02T23:00:00Z", ("friday",), True),
        ("2026-01-03T03:00:00Z", ("friday",), True),
        ("2026-01-03T03:00:00Z", ("saturday",), False),
        ("2026-01-03T23:00:00Z", ("friday",), False),
        ("2026-01-05T03:00:00Z", ("sunday",), True),
    ],
)
def test_the_days_of_a_window_past_midnight_are_those_it_began_on(
    moment: str, days: tuple[Weekday, ...], holds: bool
) -> None:
    assert is_within(Hours("22:00", "06:00"), days, clock(moment)) is holds


def test_the_whole_day_has_no_gap() -> None:
    for moment in ("2026-01-05T00:00:00Z", "2026-01-05T12:00:00Z", "2026-01-05T23:59:59.999999Z"):
        assert is_within(Hours("00:00", "24:00"), MONDAY, clock(moment))
    assert not is_within(Hours("00:00", "24:00"), MONDAY, clock("2026-01-06T00:00:00Z"))
    assert is_within(Hours("18:00", "24:00"), MONDAY, clock("2026-01-05T23:59:59Z"))
    assert not is_within(Hours("18:00", "24:00"), None, clock("2026-01-06T00:00:00Z"))


def test_a_window_that_summer_time_skips_does_not_come() -> None:
    """On 8 March 2026 New York's clocks go from 01:59 to 03:00."""
    skipped = Hours("02:00", "03:00")
    before, after = clock("2026-03-08T06:59:59Z", NEW_YORK), clock("2026-03-08T07:00:00Z", NEW_YORK)
    assert (before.minute, after.minute) == (119, 180)
    assert not is_within(skipped, None, before)
    assert not is_within(skipped, None, after)
    assert is_within(Hours("02:30", "03:30"), None, after)


def test_a_window_that_winter_time_repeats_comes_twice() -> None:
    """On 1 November 2026 New York's clocks go from 01:59 back to 01:00."""
    for moment in ("2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"):
        assert is_within(Hours("01:00", "02:00"), SUNDAY, clock(moment, NEW_YORK))
    assert not is_within(Hours("01:00", "02:00"), None, clock("2026-11-01T07:00:00Z", NEW_YORK))


def test_a_clock_may_be_moved_by_half_an_hour() -> None:
    """Lord Howe Island moves by 30 minutes: on 5 April 2026 from 02:00 back to 01:30."""
    zone = "Australia/Lord_Howe"
    shown = [clock(moment, zone).shown for moment in ("2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z")]
    assert shown == [
        "Sunday 2026-04-05 01:45 in Australia/Lord_Howe",
        "Sunday 2026-04-05 01:45 in Australia/Lord_Howe",
    ]


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Pacific/Kiritimati", "Friday 2027-01-01 01:30"),
        ("UTC", "Thursday 2026-12-31 11:30"),
        ("Pacific/Pago_Pago", "Thursday 2026-12-31 00:30"),
        ("Asia/Kathmandu", "Thursday 2026-12-31 17:15"),
    ],
)
def test_the_year_ends_when_it_does_there(zone: str, shown: str) -> None:
    assert clock("2026-12-31T11:30:00Z", zone).shown == f"{shown} in {zone}"


# ---------------------------------------------------------------- business hours


@pytest.mark.parametrize(
    ("moment", "is_now"),
    [
        ("2026-01-05T20:00:00-05:00", False),  # the Monday evening of the documents
        ("2026-01-05T16:59:59-05:00", True),
        ("2026-01-05T17:00:00-05:00", False),
        ("2026-01-05T09:00:00-05:00", True),
        ("2026-01-05T14:00:00Z", True),
        ("2026-01-05T13:59:00Z", False),
        ("2026-01-10T12:00:00-05:00", False),  # Saturday
        ("2026-07-06T13:00:00Z", True),  # 09:00 in summer
        ("2026-07-06T21:00:00Z", False),
    ],
)
def test_hours_are_those_of_their_zone(moment: str, is_now: bool) -> None:
    assert is_open(hours(), clock(moment, NEW_YORK)) is is_now


def test_hours_past_midnight_are_of_the_day_they_began() -> None:
    late = hours(timezone="UTC", schedule={"friday": {"start": "20:00", "end": "02:00"}})
    assert is_open(late, clock("2026-01-02T23:00:00Z"))
    assert is_open(late, clock("2026-01-03T01:59:00Z"))
    assert not is_open(late, clock("2026-01-03T02:00:00Z"))
    assert not is_open(late, clock("2026-01-02T01:00:00Z"))


def test_a_holiday_stands_in_for_its_weekday() -> None:
    christmas = [
        {"date": "12-24", "hours": {"start": "10:00", "end": "12:00"}},
        {"date": "2026-12-25", "name": "Christmas"},
    ]
    special = hours(holidays=christmas)
    assert is_open(special, clock("2026-12-24T16:00:00Z", NEW_YORK))  # 11:00, a Thursday
    assert not is_open(special, clock("2026-12-24T17:00:00Z", NEW_YORK))
    assert not is_open(special, clock("2026-12-25T16:00:00Z", NEW_YORK))  # a Friday
    assert not is_open(special, clock("2027-12-24T18:00:00Z", NEW_YORK))  # a Friday of another year
    assert is_open(hours(holidays=christmas[1:]), clock("2028-12-25T16:00:00Z", NEW_YORK))  # a Monday


def test_a_holiday_is_one_where_it_is_that_day() -> None:
    """It is still the 24th in New York when it is the 25th in London."""
    special = hours(holidays=[{"date": "2026-12-25"}], schedule={"thursday": {"start": "00:00", "end": "24:00"}})
    assert is_open(special, clock("2026-12-25T04:59:59Z", NEW_YORK))
    assert not is_open(special, clock("2026-12-25T05:00:00Z", NEW_YORK))


def test_a_night_that_began_before_a_holiday_is_finished() -> None:
    nights = {"start": "20:00", "end": "02:00"}
    special = hours(timezone="UTC", schedule={"thursday": nights, "friday": nights}, holidays=[{"date": "2026-12-25"}])
    assert is_open(special, clock("2026-12-25T01:30:00Z"))
    assert not is_open(special, clock("2026-12-25T21:00:00Z"))
    assert not is_open(special, clock("2026-12-26T01:30:00Z"))


def test_a_leap_day_is_a_day_of_the_years_that_have_one() -> None:
    leap = hours(timezone="UTC", holidays=[{"date": "02-29"}])
    assert not is_open(leap, clock("2028-02-29T12:00:00Z"))  # a Tuesday
    assert is_open(leap, clock("2028-02-28T12:00:00Z"))
    assert is_open(leap, clock("2027-03-01T12:00:00Z"))
    assert require_date("02-29") == "02-29"


@pytest.mark.parametrize("text", ["2027-02-29", "02-30", "13-01", "2026-00-10", "12-2", "20261224", "2026-1-01"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="2026-12-24"):
        require_date(text)


def test_no_moment_is_too_early_or_too_late() -> None:
    for moment in (datetime(2000, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, 23, 59, tzinfo=UTC)):
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            assert isinstance(is_open(hours(), WallClock.at(moment, zone)), bool)
