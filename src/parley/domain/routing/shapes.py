"""What a customer may say about who answers which call.

Routing is three objects, each optional, on a number and for the whole project: `call_routing` (business hours),
`routing_config` (who answers where nothing else applies, and how long a caller may wait) and `routing_rules` (tried in
order). They are kept in snake_case once they have passed the wire shapes and `problems`, and read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

ConditionKind = Literal[
    "always",
    "caller_id_matches",
    "time_of_day",
    "holiday",
    "business_hours",
    "queue_length",
    "agent_availability",
    "language",
    "percentage",
]
RuleAction = Literal[
    "route_to_agent",
    "route_to_number",
    "route_to_queue",
    "overflow_to_voicemail",
    "voicemail",
    "announcement",
    "reject",
]
Fallback = Literal["voicemail", "hangup"]
"""What becomes of a caller for whom there is nobody."""
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Availability = Literal["available", "busy", "offline"]
"""Whether an agent could take a call now: `busy` at its limit of calls, `offline` where nobody would answer for it."""
HoursState = Literal["open", "closed"]

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
"""In the order of `date.weekday()`."""
WITHHELD = "anonymous"
"""The pattern that matches callers who do not show their number, and no others."""
MOST_RULES = 100
MOST_CONDITIONS = 10
MOST_HOLIDAYS = 100
LONGEST_QUEUE_S = 3600


class Hours(msgspec.Struct, frozen=True):
    """From `start` to `end`, as `HH:MM`; an end before the start is on the next day."""

    start: str
    end: str


class Holiday(msgspec.Struct, frozen=True):
    """A day with hours of its own, or none. `date` is `YYYY-MM-DD`, or `MM-DD` for every year."""

    date: str
    name: str = ""
    hours: Hours | None = None


class BusinessHours(msgspec.Struct, frozen=True):
    """When calls are answered. Hours that are not enabled still say the time zone and the holidays."""

    enabled: bool = True
    timezone: str | None = None
    schedule: Mapping[Weekday, Hours] = {}
    holidays: tuple[Holiday, ...] = ()
    fallback: Fallback | None = None
    greeting: str = ""


class Config(msgspec.Struct, frozen=True):
    """Who answers where no rule and no number says so, and how long a caller may wait for somebody busy."""

    default_agent: str | None = None
    fallback_behavior: Fallback = "voicemail"
    max_queue_time: int = 300
    queue_music: str = "default"


class Condition(msgspec.Struct, frozen=True):
    """One thing that has to be so. Which fields mean something depends on `condition`."""

    condition: ConditionKind | None = None
    pattern: str = ""
    start_time: str = ""
    end_time: str = ""
    days: tuple[Weekday, ...] | None = None
    timezone: str | None = None
    state: HoursState = "closed"
    threshold: int = 0
    queue_id: str | None = None
    agent_id: str | None = None
    availability: Availability = "available"
    language: str = ""
    percentage: float = 0.0


class Rule(Condition, frozen=True):
    """All its conditions have to hold: the one it is itself, and those in `conditions`.

    `agent_id` and `queue_id` are both what its own condition looks at and where its action leads.
    """

    action: RuleAction = "voicemail"
    name: str = ""
    enabled: bool = True
    conditions: tuple[Condition, ...] = ()
    phone_number: str | None = None
    text: str = ""
    priority: int = 0
    fallback: Fallback | None = None

    @property
    def all_conditions(self) -> tuple[Condition, ...]:
        return (self, *self.conditions) if self.condition is not None else self.conditions


class CallRouting(msgspec.Struct, frozen=True):
    """How a number's calls find their agent."""

    business_hours: BusinessHours | None = None


class RoutingSet(msgspec.Struct, frozen=True):
    """The three objects as they stand on a number, or on a project.

    `voicemail_message` is what callers of a number are asked for a message with; routing itself does not look at it.
    """

    call_routing: CallRouting | None = None
    routing_config: Config | None = None
    routing_rules: tuple[Rule, ...] | None = None
    voicemail_message: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nobody ever said anything here."""
        return self == RoutingSet()

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.routing_rules or ()

    @property
    def hours(self) -> BusinessHours | None:
        return self.call_routing.business_hours if self.call_routing is not None else None


class Routing(msgspec.Struct, frozen=True):
    """Everything that is said about the calls of one number. `agent_id` is the agent that the number is assigned to.

    A number's business hours and its `routing_config` each stand in for the project's; a default agent that the
    number's does not name is the project's.
    """

    agent_id: str | None
    number: RoutingSet
    project: RoutingSet

    @property
    def hours(self) -> BusinessHours | None:
        return self.number.hours or self.project.hours

    @property
    def config(self) -> Config:
        projects = self.project.routing_config or Config()
        own = self.number.routing_config
        if own is None:
            return projects
        return own if own.default_agent else msgspec.structs.replace(own, default_agent=projects.default_agent)

    @property
    def named_rules(self) -> tuple[tuple[str, Rule], ...]:
        """In the order they are tried, by the names that decisions call them."""
        scopes = (("number_rule", self.number.rules), ("project_rule", self.project.rules))
        return tuple((f"{scope}.{place}", rule) for scope, rules in scopes for place, rule in enumerate(rules))

    @property
    def zone_name(self) -> str:
        """The time zone of rules that name none."""
        zones = (hours.timezone for hours in (self.number.hours, self.project.hours) if hours is not None)
        return next((zone for zone in zones if zone), "UTC")


def read_routing(stored: Mapping[str, Any] | None) -> RoutingSet:
    """The three objects as they are kept. Raises msgspec.ValidationError for what never passed the wire shapes."""
    return msgspec.convert(stored or {}, RoutingSet)
