"""Usage over HTTP: what a project may use and has used, by day, month, number and agent."""

from __future__ import annotations

from collections.abc import Sequence

from parley.api.operations import Ask, Operation
from parley.domain.limits import UNLIMITED
from parley.schemas.dialects import Json
from parley.schemas.usage import (
    DailyOut,
    DailyQuery,
    MonthlyOut,
    MonthlyQuery,
    NumbersUsedOut,
    PlanLimitsOut,
    PlanOut,
    UsageByAgentOut,
    UsageByNumberOut,
    UsageByQuery,
    UsageOut,
    UsageStatsOut,
)
from parley.services.usage import PLAN, Overview

GROUP = "Usage"


async def read_usage(ask: Ask[None, None]) -> UsageOut:
    now = await ask.services.usage.overview(ask.project_id)
    limit, used = now.limits.numbers, now.totals.numbers
    return UsageOut(
        plan=_plan(now),
        numbers=NumbersUsedOut(used=used, limit=limit, remaining=max(0, limit - used)),
        stats=UsageStatsOut.model_validate(now.totals),
        period_start=now.period_start,
        period_end=now.now,
    )


def _plan(now: Overview) -> PlanOut:
    limits = PlanLimitsOut(
        numbers=now.limits.numbers,
        messages_per_month=now.messages_a_month,
        voice_minutes_per_month=UNLIMITED,
        max_call_duration_minutes=now.max_call_minutes,
        concurrent_calls=now.limits.concurrent_calls,
    )
    return PlanOut(name=PLAN, number_limit=now.limits.numbers, limits=limits)


async def read_daily(ask: Ask[None, DailyQuery]) -> Json:
    rows = await ask.services.usage.daily(ask.project_id, ask.query.days)
    return {"data": rows, "days": ask.query.days, "total": len(rows)}


async def read_monthly(ask: Ask[None, MonthlyQuery]) -> Json:
    rows = await ask.services.usage.monthly(ask.project_id, ask.query.months)
    return {"data": rows, "months": ask.query.months, "total": len(rows)}


async def read_by_number(ask: Ask[None, UsageByQuery]) -> Json:
    query = ask.query
    rows, total = await ask.services.usage.by_number(ask.project_id, query.period, query.limit, query.offset)
    return _page(query, rows, total)


async def read_by_agent(ask: Ask[None, UsageByQuery]) -> Json:
    query = ask.query
    rows, total = await ask.services.usage.by_agent(ask.project_id, query.period, query.limit, query.offset)
    return _page(query, rows, total)


def _page(query: UsageByQuery, rows: Sequence[object], total: int) -> Json:
    has_more = query.offset + len(rows) < total
    return {"data": rows, "period": query.period, "total": total, "hasMore": has_more}


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/usage",
        read_usage,
        title="Read limits and usage",
        group=GROUP,
        answer=UsageOut,
        about=f"Limits are the server operator's. {UNLIMITED} stands for no limit.",
    ),
    Operation(
        "GET",
        "/usage/daily",
        read_daily,
        title="Read usage by day",
        group=GROUP,
        answer=DailyOut,
        query=DailyQuery,
        about="A row for every UTC day, also without any usage. Deliveries count as long as they are kept.",
    ),
    Operation(
        "GET",
        "/usage/monthly",
        read_monthly,
        title="Read usage by month",
        group=GROUP,
        answer=MonthlyOut,
        query=MonthlyQuery,
        about="A row for every month, also without any usage. Deliveries count as long as they are kept.",
    ),
    Operation(
        "GET",
        "/usage/by-number",
        read_by_number,
        title="Read usage by number",
        group=GROUP,
        answer=UsageByNumberOut,
        query=UsageByQuery,
        about="All active numbers, and released ones that were used in the period; the most used first.",
    ),
    Operation(
        "GET",
        "/usage/by-agent",
        read_by_agent,
        title="Read usage by agent",
        group=GROUP,
        answer=UsageByAgentOut,
        query=UsageByQuery,
        about="All agents; the most used first. What deleted agents did is in the project's totals alone.",
    ),
)
