"""What a stored alert rule looks at: its row read as a rule, and the moments at which calls met its condition.

There may be many: they are read in parts and looked through in a thread, for calls are held in this process too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, time
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.alerts import Kind, Occurrence, QuietHours, Rule, contains_phrase
from parley.storage import alerts
from parley.storage.tables import AlertRuleRow


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's condition as it is stored."""

    kind: Kind
    threshold: float | None = None
    phrases: tuple[str, ...] = ()
    on_transfer: bool = False
    codes: tuple[str, ...] = ()


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """Whose calls are looked at, for what, and when that fires."""

    project_id: str
    agent_id: str | None
    condition: Condition
    rule: Rule
    quiet: QuietHours | None = None


def watched(row: AlertRuleRow) -> Watched:
    """A stored rule."""
    return read(row.project_id, row.agent_id, row.condition, row.window_s, row.dedupe_s, row.quiet_hours)


def read(
    project_id: str,
    agent_id: str | None,
    stored: Mapping[str, Any],
    window_s: int,
    dedupe_s: int,
    quiet: Mapping[str, Any] | None,
) -> Watched:
    """A rule from what the wire shapes have checked."""
    condition = msgspec.convert(stored, Condition)
    return Watched(
        project_id=project_id,
        agent_id=agent_id,
        condition=condition,
        rule=Rule(
            kind=condition.kind,
            threshold=condition.threshold or 0.0,
            least_count=stored["least_count"],
            window_s=window_s,
            dedupe_s=dedupe_s,
            dedupe_by=stored["dedupe_by"],
        ),
        quiet=None
        if quiet is None
        else QuietHours(**{**quiet, "start": _time(quiet["start"]), "end": _time(quiet["end"])}),
    )


async def occurrences(session: AsyncSession, what: Watched, since: datetime, until: datetime) -> list[Occurrence]:
    """The moments in [since, until) at which the condition was met."""
    where = session, what.project_id, what.agent_id, since, until
    condition, threshold = what.condition, what.rule.threshold
    if condition.kind == "long_duration":
        return list(_found(await alerts.long_calls(*where, threshold)))
    if condition.kind == "low_satisfaction":
        return list(_found(await alerts.judged_calls(*where, threshold), "summary"))
    if condition.kind == "queue_time":
        return list(_found(await alerts.long_waits(*where, threshold), "lane"))
    if condition.kind == "provider_failure":
        return list(_found(await alerts.problems(*where, condition.codes), "code"))
    if condition.kind == "error_rate":
        return list(_found(await alerts.ended_calls(*where), "end_reason"))
    return [*await _phrases(where, condition), *await _handed_on(where, condition)]


async def _phrases(where: tuple[Any, ...], condition: Condition) -> list[Occurrence]:
    if not condition.phrases:
        return []
    return await asyncio.to_thread(_said, await alerts.caller_lines(*where), condition)


def _said(lines: Iterable[Any], condition: Condition) -> list[Occurrence]:
    met = []
    for at, call_id, agent_id, value, line in lines:
        phrase = contains_phrase(line, condition.phrases)
        if phrase is not None:
            detail = {"phrase": phrase, "said": line}
            met.append(Occurrence(at=at, call_id=call_id, agent_id=agent_id, value=value, detail=detail))
    return met


async def _handed_on(where: tuple[Any, ...], condition: Condition) -> list[Occurrence]:
    if not condition.on_transfer:
        return []
    return [
        Occurrence(at=at, call_id=call_id, agent_id=agent_id, detail={"end_reason": "transferred"})
        for at, call_id, agent_id, _ in await alerts.transferred_calls(*where)
    ]


def _found(rows: Iterable[Any], named: str = "") -> Iterator[Occurrence]:
    for at, call_id, agent_id, value, *more in rows:
        detail = {named: more[0]} if named and more and more[0] is not None else {}
        yield Occurrence(at=at, call_id=call_id, agent_id=agent_id, value=float(value), detail=detail)


def _time(text: str) -> time:
    return time.fromisoformat(text)
