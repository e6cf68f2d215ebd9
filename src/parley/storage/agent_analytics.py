"""Figures of many calls, added up by the database: for each period of a span, and for all of it.

A call counts in the period in which it was created; test calls count nowhere. Periods are told apart by their bounds,
so that what a day is stays the business of one time zone database. Place 0 is the whole span.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    TIMESTAMP,
    Double,
    Select,
    Subquery,
    and_,
    cast,
    column,
    func,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from parley.conversation.wishes import TurnLatencies
from parley.domain.analysis import RESOLUTIONS
from parley.storage.tables import AnalysisRow, CallRow, TranscriptRow

_PERCENTILES = (0.5, 0.9, 0.95, 0.99)
# What is added up of each call's metrics.
_MEASURED = ("caller_s", "agent_s", "interruptions", "talked_over", "turns", "silence_s", "measured_s")


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Counts and sums of the calls of one period. `satisfaction` is the mean of those that have a score."""

    calls: int = 0
    answered: int = 0
    failed: int = 0
    talked_s: float = 0.0
    judged: int = 0
    resolved: int = 0
    unresolved: int = 0
    escalated: int = 0
    unclear: int = 0
    scored: int = 0
    satisfaction: float | None = None
    caller_s: float = 0.0
    agent_s: float = 0.0
    silence_s: float = 0.0
    measured_s: float = 0.0
    interruptions: int = 0
    talked_over: int = 0
    turns: int = 0


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Of the response times of all answers of a period, in milliseconds."""

    answers: int
    p50: float
    p90: float
    p95: float
    p99: float


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How many turns came to one step of their answer, and percentiles of when, in milliseconds."""

    count: int
    p50: float
    p95: float


class Stops(msgspec.Struct, frozen=True, kw_only=True):
    """How often agents fell silent for callers, percentiles of how long that took, and what came of it: how often, by
    outcome and cause."""

    count: int
    p50: float
    p95: float
    causes: Mapping[tuple[str, str], int]


async def figures(
    session: AsyncSession, project_id: str, agent_id: str | None, bounds: Sequence[datetime]
) -> dict[int, Figures]:
    """By place; periods without a call are left out."""
    calls = _calls(project_id, agent_id, bounds)
    c = calls.c
    columns: dict[str, Any] = {
        "calls": func.count(),
        "answered": func.count(c.started_at),
        "failed": func.count().filter(c.status == "failed"),
        "talked_s": func.sum(func.greatest(func.extract("epoch", c.ended_at - c.started_at), 0)),
        "judged": func.count(c.resolution_status),
        "scored": func.count(c.satisfaction_score),
        "satisfaction": func.avg(c.satisfaction_score),
    }
    columns |= {word: func.count().filter(c.resolution_status == word) for word in RESOLUTIONS}
    columns |= {name: func.sum(c.metrics[name].as_float()) for name in _MEASURED}
    rows = await session.execute(_placed(calls, *(column.label(name) for name, column in columns.items())))
    return {row["place"]: _figures(row, columns) for row in rows.mappings()}


async def responses(
    session: AsyncSession, project_id: str, agent_id: str | None, bounds: Sequence[datetime]
) -> dict[int, Percentiles]:
    """How soon answers came, by place; periods without an answer are left out."""
    calls = _calls(project_id, agent_id, bounds, has_metrics=True)
    each = func.jsonb_array_elements(calls.c.metrics["response_ms"]).table_valued("value").lateral("each")
    ms = cast(each.c.value, Double)
    parts = func.percentile_cont(cast(list(_PERCENTILES), ARRAY(Double))).within_group(ms).label("parts")
    rows = await session.execute(_placed(calls, func.count().label("answers"), parts, beside=each))
    return {
        row.place: Percentiles(
            answers=row.answers, **dict(zip(("p50", "p90", "p95", "p99"), map(_tenths, row.parts), strict=True))
        )
        for row in rows
        if row.answers
    }


async def steps(
    session: AsyncSession, project_id: str, agent_id: str | None, bounds: Sequence[datetime]
) -> dict[int, dict[str, Step]]:
    """When the turns came to each step of their answers, by place and step; those that none came to are left out."""
    calls = _calls(project_id, agent_id, bounds)
    names = TurnLatencies.__struct_fields__
    columns = []
    for name in names:
        ms = TranscriptRow.latencies[name].as_float()
        columns += [func.count(ms), func.percentile_cont(cast([0.5, 0.95], ARRAY(Double))).within_group(ms)]
    statement = _placed(calls, *columns, beside=TranscriptRow, on=TranscriptRow.call_id == calls.c.id)
    found: dict[int, dict[str, Step]] = {}
    for place, *counted in await session.execute(statement):
        each = zip(names, counted[::2], counted[1::2], strict=True)
        found[place] = {
            name: Step(count=count, p50=_tenths(parts[0]), p95=_tenths(parts[1]))
            for name, count, parts in each
            if count
        }
    return found


async def stops(
    session: AsyncSession, project_id: str, agent_id: str | None, bounds: Sequence[datetime]
) -> dict[int, Stops]:
    """How agents fell silent for callers, by place; periods in which none did are left out."""
    calls = _calls(project_id, agent_id, bounds, has_metrics=True)
    each = func.jsonb_array_elements(calls.c.metrics["stops"]).table_valued(column("value", JSONB)).lateral("each")
    ms = each.c.value["stopped_ms"].as_float()
    parts = func.percentile_cont(cast([0.5, 0.95], ARRAY(Double))).within_group(ms)
    kind = func.concat(each.c.value["outcome"].astext, " ", each.c.value["cause"].astext)
    causes = await _counted(session, _placed(calls, func.count(), by=kind, beside=each))
    return {
        place: Stops(
            count=count,
            p50=_tenths(halves[0]),
            p95=_tenths(halves[1]),
            causes={_outcome_and_cause(name): times for name, times in causes[place].items()},
        )
        for place, count, halves in await session.execute(_placed(calls, func.count(), parts, beside=each))
        if count
    }


def _outcome_and_cause(kind: str) -> tuple[str, str]:
    outcome, _, cause = kind.partition(" ")
    return outcome, cause


async def failures(
    session: AsyncSession, project_id: str, agent_id: str | None, bounds: Sequence[datetime]
) -> dict[int, dict[str, int]]:
    """How many calls failed, by place and by the reason of their end."""
    calls = _calls(project_id, agent_id, bounds)
    reason = func.coalesce(calls.c.end_reason, "unknown")
    return await _counted(session, _placed(calls, func.count(), by=reason).where(calls.c.status == "failed"))


async def problems(
    session: AsyncSession, project_id: str, agent_id: str | None, bounds: Sequence[datetime]
) -> dict[int, dict[str, int]]:
    """In how many calls each problem was met, by place and code."""
    calls = _calls(project_id, agent_id, bounds, has_problems=True)
    each = func.jsonb_array_elements_text(calls.c.problems).table_valued("value").lateral("each")
    return await _counted(session, _placed(calls, func.count(calls.c.id.distinct()), by=each.c.value, beside=each))


async def topics(
    session: AsyncSession, project_id: str, agent_id: str | None, bounds: Sequence[datetime]
) -> dict[int, dict[str, int]]:
    """In how many calls each topic was met, by place."""
    calls = _calls(project_id, agent_id, bounds, has_topics=True)
    each = func.jsonb_array_elements_text(calls.c.topics).table_valued("value").lateral("each")
    return await _counted(session, _placed(calls, func.count(), by=each.c.value, beside=each))


# ---------------------------------------------------------------- pieces


def _calls(
    project_id: str,
    agent_id: str | None,
    bounds: Sequence[datetime],
    *,
    has_metrics: bool = False,
    has_problems: bool = False,
    has_topics: bool = False,
) -> Subquery:
    """The calls of the span, each with its place from 1 on and with what was learnt from it."""
    edges = cast(list(bounds), ARRAY(TIMESTAMP(timezone=True)))
    statement = (
        select(
            func.width_bucket(CallRow.created_at, edges).label("place"),
            CallRow.id,
            CallRow.status,
            CallRow.started_at,
            CallRow.ended_at,
            CallRow.end_reason,
            CallRow.problems,
            AnalysisRow.metrics,
            AnalysisRow.resolution_status,
            AnalysisRow.satisfaction_score,
            AnalysisRow.topics,
        )
        .outerjoin(AnalysisRow, and_(AnalysisRow.call_id == CallRow.id, AnalysisRow.project_id == project_id))
        .where(
            CallRow.project_id == project_id,
            CallRow.created_at >= bounds[0],
            CallRow.created_at < bounds[-1],
            ~CallRow.is_test,
        )
    )
    if agent_id is not None:
        statement = statement.where(CallRow.agent_id == agent_id)
    if has_metrics:
        statement = statement.where(AnalysisRow.metrics.is_not(None))
    if has_problems:
        statement = statement.where(func.jsonb_array_length(CallRow.problems) > 0)
    if has_topics:
        statement = statement.where(AnalysisRow.topics.is_not(None))
    return statement.subquery("c")


def _placed(calls: Subquery, *columns: Any, by: Any = None, beside: Any = None, on: Any = None) -> Select[Any]:
    """The columns for each place and, as place 0, for the whole span; told apart `by` something else where given."""
    place = func.coalesce(calls.c.place, 0).label("place")
    kinds = () if by is None else (by.label("kind"),)
    source = calls if beside is None else calls.join(beside, true() if on is None else on)
    sets = func.grouping_sets(tuple_(calls.c.place, *kinds), tuple_(*kinds) if kinds else literal_column("()"))
    return select(place, *kinds, *columns).select_from(source).group_by(sets)


async def _counted(session: AsyncSession, statement: Select[Any]) -> dict[int, dict[str, int]]:
    counted: dict[int, dict[str, int]] = {}
    for place, kind, count in await session.execute(statement):
        counted.setdefault(place, {})[kind] = count
    return counted


def _figures(row: Any, columns: dict[str, Any]) -> Figures:
    found = {name: row[name] for name in columns if row[name] is not None}
    found |= {name: float(found[name]) for name in ("talked_s", "satisfaction", "caller_s", "agent_s") if name in found}
    return msgspec.convert(found, Figures, strict=False)


def _tenths(value: float) -> float:
    return round(value, 1)
