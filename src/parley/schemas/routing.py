"""Who answers which call, on the wire: business hours, defaults and rules, of a number or of a whole project."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from parley.domain.routing import (
    LONGEST_QUEUE_S,
    MOST_RULES,
    Action,
    Condition,
    Fallback,
    require_zone,
    rule_problems,
    window_problems,
)
from parley.schemas.agents import Word
from parley.schemas.base import Wire, between, problem
from parley.schemas.fields import Id, matching

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
CallerPattern = Annotated[
    str,
    Field(max_length=32, description="A phone number in which `*` is any digits and `?` is one.", examples=["+1800*"]),
    matching(r"^(\+[0-9*?]+|[*?][0-9*?]*)$", "must be a phone number with * for any digits and ? for one, like +1800*"),
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


class BusinessHours(Wire):
    """When calls are answered. `fallback` is what happens outside these hours: `voicemail` where it is left out."""

    enabled: bool = True
    timezone: Zone | None = None
    schedule: WeekSchedule = Field(default_factory=WeekSchedule)
    fallback: Fallback | None = None

    @model_validator(mode="after")
    def _require_a_zone(self) -> BusinessHours:
        if self.enabled and self.timezone is None:
            raise problem("timezone", "is required when business hours are enabled")
        return self


class CallRouting(Wire):
    """How a number's calls find their agent: `direct` is to the agent the number is assigned to."""

    mode: Literal["direct"] = "direct"
    business_hours: BusinessHours | None = None


class RoutingConfig(Wire):
    """Who answers where no rule and no number says so. `max_queue_time` is in seconds."""

    default_agent: Id | None = None
    fallback_behavior: Fallback = "voicemail"
    max_queue_time: Annotated[int, between(0, LONGEST_QUEUE_S)] = 300
    queue_music: Word = "default"


class RoutingRule(Wire):
    """One rule: a condition with what it compares, and an action.

    `caller_id_matches` needs `pattern`; `time_of_day` needs `start_time` and `end_time`, which may go past midnight;
    `queue_length` needs `threshold`, the number of waiting calls from which it applies. `route_to_agent` needs
    `agent_id`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "if": {"properties": {part: {"const": word}}, "required": [part]},
                    "then": {"properties": {name: {"type": kind} for name in names}, "required": list(names)},
                }
                for part, word, names, kind in (
                    ("condition", "caller_id_matches", ("pattern",), "string"),
                    ("condition", "time_of_day", ("start_time", "end_time"), "string"),
                    ("condition", "queue_length", ("threshold",), "integer"),
                    ("action", "route_to_agent", ("agent_id",), "string"),
                )
            ],
        }
    )

    condition: Condition
    action: Action
    pattern: CallerPattern | None = None
    start_time: TimeOfDay | None = None
    end_time: TimeOfDay | None = None
    threshold: Annotated[int, between(0, 10_000)] | None = None
    agent_id: Id | None = None

    @model_validator(mode="after")
    def _require_what_it_needs(self) -> RoutingRule:
        for field, message in rule_problems(self.model_dump()):
            raise problem(field, message)
        return self


RoutingRules = Annotated[list[RoutingRule], Field(max_length=MOST_RULES)]


class ProjectRoutingPut(Wire):
    """Change the routing of all the project's numbers. What is left out stays, null clears."""

    routing_config: RoutingConfig | None = None
    routing_rules: RoutingRules | None = None


class ProjectRoutingOut(Wire):
    """What holds for all numbers of the project. `routing_applied` says whether calls follow it yet."""

    routing_config: RoutingConfig | None = None
    routing_rules: list[RoutingRule] = Field(default_factory=list)
    routing_applied: bool = False
    routing_note: str = "Routing is stored and checked; calls go to the agent that their number is assigned to."
