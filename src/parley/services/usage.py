"""What a project may use, and what it has used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal

import msgspec

from parley.domain.limits import UNLIMITED, Allowance
from parley.domain.usage import last_days, last_months, midnight, minutes
from parley.services.defaults import Clock, utc_now
from parley.services.limits import Limits
from parley.storage import usage
from parley.storage.database import Database

PLAN = "self-hosted"
PERIOD = timedelta(days=30)
SPANS = {"week": timedelta(days=7), "month": PERIOD, "year": timedelta(days=365)}
_DAYS_A_MONTH = 30


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The project's limits and everything counted, as of `now`. `max_call_minutes` bounds a single call."""

    now: datetime
    limits: Allowance
    max_call_minutes: int
    totals: usage.Totals

    @property
    def messages_a_month(self) -> int:
        daily = self.limits.daily_messages
        return UNLIMITED if daily >= UNLIMITED else min(daily * _DAYS_A_MONTH, UNLIMITED)

    @property
    def period_start(self) -> datetime:
        return self.now - PERIOD


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """What happened on one UTC day, or in the month that begins with it."""

    day: date
    messages: int
    calls: int
    minutes: int
    webhooks: int


class Usage:
    def __init__(self, database: Database, limits: Limits, max_call_duration_s: float, clock: Clock = utc_now) -> None:
        self._database = database
        self._limits = limits
        self._max_call_minutes = minutes(max_call_duration_s)
        self._clock = clock

    async def overview(self, project_id: str) -> Overview:
        """Limits and counts of this moment."""
        now = self._clock()
        async with self._database.read() as session:
            limits = await self._limits.of(session, project_id)
            totals = await usage.totals(session, project_id, now)
        return Overview(now=now, limits=limits, max_call_minutes=self._max_call_minutes, totals=totals)

    async def daily(self, project_id: str, days: int) -> list[Bucket]:
        """One bucket a UTC day, the earliest first, up to now; days without anything too."""
        return await self._buckets(project_id, "day", last_days(self._clock(), days))

    async def monthly(self, project_id: str, months: int) -> list[Bucket]:
        """One bucket a month, the earliest first, up to now; months without anything too."""
        return await self._buckets(project_id, "month", last_months(self._clock(), months))

    async def by_number(
        self, project_id: str, period: Literal["week", "month", "year"], limit: int, offset: int
    ) -> tuple[list[usage.Owned], int]:
        """The active numbers, and released ones that were used; the most used first, and how many there are."""
        now = self._clock()
        async with self._database.read() as session:
            return await usage.by_number(session, project_id, now, now - SPANS[period], limit, offset)

    async def by_agent(
        self, project_id: str, period: Literal["week", "month", "year"], limit: int, offset: int
    ) -> tuple[list[usage.Owned], int]:
        """All agents, the most used first, and how many there are."""
        now = self._clock()
        async with self._database.read() as session:
            return await usage.by_agent(session, project_id, now, now - SPANS[period], limit, offset)

    async def _buckets(self, project_id: str, unit: usage.Unit, days: Sequence[date]) -> list[Bucket]:
        now = self._clock()
        async with self._database.read() as session:
            found = await usage.by_time(session, project_id, unit, midnight(days[0]), now)
        return [_bucket(day, found.get(midnight(day), usage.Counts())) for day in days]


def _bucket(day: date, counts: usage.Counts) -> Bucket:
    return Bucket(
        day=day,
        messages=counts.messages,
        calls=counts.calls,
        minutes=minutes(counts.seconds),
        webhooks=counts.webhooks,
    )
