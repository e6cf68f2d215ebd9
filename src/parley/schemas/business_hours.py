"""When calls are answered, on the wire: the hours of each weekday, and holidays."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from parley.domain.routing.problems import window_problems
from parley.domain.routing.shapes import MOST_HOLIDAYS, Fallback
from parley.domain.routing.windows import require_date, require_zone
from parley.schemas.agents import Word
from parley.schemas.base import Wire, problem
from parley.schemas.fields import matching

TimeOfDay = Annotated[
    str,
    Field(max_length=5, description="24-hour `HH:MM`; `24:00` is the day's end.", examples=["09:00"]),
    matching(r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", "must be a time of the day like 09:00, from 00:00 to 24:00"),
]
Zone = Annotated[
    str,
    Field(max_length=64, description="A name of the IANA time zone database.", examples=["America/New_York"]),
    matching(
        r"^[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+){0,2}$",
        "must be a time zone of the IANA database, like America/New_York or UTC",
    ),
    AfterValidator(require_zone),
]
Spoken = Annotated[
    str,
    Field(min_length=1, max_length=2000, examples=["We are closed today. Please leave a message."]),
    matching(r"\S", "must be words to be spoken"),
]


class DayHours(Wire):
    """When a day's business hours begin and end; an end before the start is on the next day."""

    start: TimeOfDay
    end: TimeOfDay

    @model_validator(mode="after")
    def _refuse_no_time(self) -> DayHours:
        for field, message in window_problems(self.start, self.end, ("start", "end")):
            raise problem(field, message)
        return self


class WeekSchedule(Wire):
    """The hours of each weekday. A day that is left out is closed."""

    monday: DayHours | None = None
    tuesday: DayHours | None = None
    wednesday: DayHours | None = None
    thursday: DayHours | None = None
    friday: DayHours | None = None
    saturday: DayHours | None = None
    sunday: DayHours | None = None


class Holiday(Wire):
    """A day whose hours are not those of its weekday: `hours`, or closed where it has none."""

    date: Annotated[
        str,
        Field(max_length=10, description="`YYYY-MM-DD`, or `MM-DD` for every year.", examples=["12-25"]),
        matching(r"^([0-9]{4}-)?[0-9]{2}-[0-9]{2}$", "must be a day like 2026-12-24, or like 12-24 for every year"),
        AfterValidator(require_date),
    ]
    name: Word | None = None
    hours: DayHours | None = None


class BusinessHours(Wire):
    """When calls are answered. Outside these hours `fallback` says what happens, else the routing's own fallback.

    `greeting` is what a caller hears who is asked for a message then. Where hours are not `enabled`, every hour is one
    of business; the time zone and the holidays still hold for rules.
    """

    enabled: bool = True
    timezone: Zone | None = None
    schedule: WeekSchedule = Field(default_factory=WeekSchedule)
    holidays: Annotated[list[Holiday], Field(max_length=MOST_HOLIDAYS)] = Field(default_factory=list)
    fallback: Fallback | None = None
    greeting: Spoken | None = None

    @model_validator(mode="after")
    def _require_a_zone(self) -> BusinessHours:
        if self.enabled and self.timezone is None:
            raise problem("timezone", "is required when business hours are enabled")
        return self


class CallRouting(Wire):
    """How a number's calls find their agent: `direct` is to the agent the number is assigned to."""

    mode: Literal["direct"] = "direct"
    business_hours: BusinessHours | None = None
