"""Usage and limits on the wire. Every figure is an integer and never null; a large one stands for "no limit"."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from parley.schemas.base import Limit, Offset, Timestamp, Wire, between

Period = Literal["week", "month", "year"]
Day = Annotated[date, PlainSerializer(date.isoformat, return_type=str, when_used="json")]
"""A day, written as 2026-02-28."""
Month = Annotated[date, PlainSerializer(lambda day: day.strftime("%Y-%m"), return_type=str, when_used="json")]
"""A month, written as 2026-02."""


class DailyQuery(Wire):
    """How many days up to today."""

    days: Annotated[int, between(1, 365)] = 30


class MonthlyQuery(Wire):
    """How many months up to this one."""

    months: Annotated[int, between(1, 24)] = 6


class UsageByQuery(Wire):
    """The last 7, 30 or 365 days."""

    period: Period = "month"
    limit: Limit = 50
    offset: Offset = 0


class PlanLimitsOut(Wire):
    """What the plan allows. `messagesPerMonth` follows from the messages a day."""

    numbers: int
    messages_per_month: int
    voice_minutes_per_month: int
    max_call_duration_minutes: int
    concurrent_calls: int


class PlanOut(Wire):
    name: str
    number_limit: int
    limits: PlanLimitsOut


class NumbersUsedOut(Wire):
    used: int
    limit: int
    remaining: int


class UsageStatsOut(Wire):
    """Minutes are time spent talking; one that has begun counts. Deliveries count as long as they are kept."""

    messages_last_24h: int = Field(alias="messagesLast24h")
    messages_last_7d: int = Field(alias="messagesLast7d")
    messages_last_30d: int = Field(alias="messagesLast30d")
    calls_last_24h: int = Field(alias="callsLast24h")
    calls_last_7d: int = Field(alias="callsLast7d")
    calls_last_30d: int = Field(alias="callsLast30d")
    minutes_last_30d: int = Field(alias="minutesLast30d")
    total_messages: int
    total_calls: int
    total_webhook_deliveries: int
    successful_webhook_deliveries: int
    failed_webhook_deliveries: int


class UsageOut(Wire):
    """Plan, numbers and counts; the period is the last 30 days."""

    plan: PlanOut
    numbers: NumbersUsedOut
    stats: UsageStatsOut
    period_start: Timestamp
    period_end: Timestamp


class DayOut(Wire):
    """One UTC day."""

    date: Day = Field(validation_alias="day")
    messages: int
    calls: int
    minutes: int
    webhooks: int


class DailyOut(Wire):
    """A row for every day, the earliest first."""

    data: list[DayOut]
    days: int
    total: int


class MonthOut(Wire):
    """One month of UTC days."""

    month: Month = Field(validation_alias="day")
    messages: int
    calls: int
    minutes: int
    webhooks: int


class MonthlyOut(Wire):
    """A row for every month, the earliest first."""

    data: list[MonthOut]
    months: int
    total: int


class NumberUsageOut(Wire):
    number_id: str = Field(validation_alias="id")
    phone_number: str = Field(validation_alias="name")
    messages: int
    calls: int
    minutes: int


class UsageByNumberOut(Wire):
    """The most used number first."""

    data: list[NumberUsageOut]
    period: Period
    total: int
    has_more: bool


class AgentUsageOut(Wire):
    agent_id: str = Field(validation_alias="id")
    agent_name: str = Field(validation_alias="name")
    messages: int
    calls: int
    minutes: int


class UsageByAgentOut(Wire):
    """The most used agent first."""

    data: list[AgentUsageOut]
    period: Period
    total: int
    has_more: bool
