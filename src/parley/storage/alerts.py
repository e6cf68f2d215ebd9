"""Queries about alert rules, what they look at, and what they fired."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Row,
    Select,
    and_,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.lookup import Slice, find, page_after
from parley.storage.tables import (
    AlertFiringRow,
    AlertRuleRow,
    AnalysisRow,
    CallRow,
    ProblemRow,
    QueueEntryRow,
    TranscriptRow,
)

Found = Sequence[Row[*tuple[Any, ...]]]
# No call is longer; what began before need not be looked through.
_LONGEST = timedelta(days=1)
_NO_FAILURES = (
    "transfer_without_number",
    "recording_failed",
    "tool_not_offered",
    "tool_arguments_refused",
    "too_many_keys",
)
_SENT_MAILS: ColumnElement[str] = literal_column("""'$[*] ? (@.type == "email" && @.status == "sent")'::jsonpath""")

MOST_FOUND = 100_000
"""More than this in one look, and the newest of them are all that is read."""
_PART = 1000


# ---------------------------------------------------------------- rules


async def get(session: AsyncSession, project_id: str, rule_id: str, *, lock: bool = False) -> AlertRuleRow:
    """Raises NotFound for a foreign one too."""
    statement = select(AlertRuleRow).where(AlertRuleRow.project_id == project_id, AlertRuleRow.id == rule_id)
    return await find(session, statement.with_for_update() if lock else statement, "alert", rule_id)


async def list_after(session: AsyncSession, project_id: str, after_id: str | None, limit: int) -> Slice[AlertRuleRow]:
    """Newest first."""
    statement = select(AlertRuleRow).where(AlertRuleRow.project_id == project_id)
    return await page_after(session, statement, AlertRuleRow.id, after_id, limit)


async def count(session: AsyncSession, project_id: str) -> int:
    return await session.scalar(select(func.count()).where(AlertRuleRow.project_id == project_id)) or 0


async def due(session: AsyncSession, evaluated_before: datetime, limit: int) -> list[str]:
    """The ids of active rules nobody has looked at since, the longest waiting first."""
    is_due = AlertRuleRow.is_active, AlertRuleRow.evaluated_until < evaluated_before
    statement = select(AlertRuleRow.id).where(*is_due).order_by(AlertRuleRow.evaluated_until).limit(limit)
    return list(await session.scalars(statement))


async def claim(session: AsyncSession, rule_id: str, evaluated_before: datetime) -> AlertRuleRow | None:
    """The rule, locked; None if it is due no more, or somebody else looks at it."""
    statement = select(AlertRuleRow).where(
        AlertRuleRow.id == rule_id, AlertRuleRow.is_active, AlertRuleRow.evaluated_until < evaluated_before
    )
    row: AlertRuleRow | None = await session.scalar(statement.with_for_update(skip_locked=True))
    return row


# ---------------------------------------------------------------- firings


async def get_firing(session: AsyncSession, project_id: str, firing_id: str) -> AlertFiringRow:
    statement = select(AlertFiringRow).where(AlertFiringRow.project_id == project_id, AlertFiringRow.id == firing_id)
    return await find(session, statement, "alert firing", firing_id)


async def firings_after(
    session: AsyncSession, project_id: str, rule_id: str | None, after_id: str | None, limit: int
) -> Slice[AlertFiringRow]:
    """Newest first, of one rule or of all."""
    statement = select(AlertFiringRow).where(AlertFiringRow.project_id == project_id)
    if rule_id is not None:
        statement = statement.where(AlertFiringRow.rule_id == rule_id)
    return await page_after(session, statement, AlertFiringRow.id, after_id, limit)


async def fired(session: AsyncSession, rule_id: str, since: datetime) -> dict[str, list[datetime]]:
    """When the rule fired, for each subject."""
    statement = select(AlertFiringRow.subject, AlertFiringRow.fired_at).where(
        AlertFiringRow.rule_id == rule_id, AlertFiringRow.fired_at >= since
    )
    moments: dict[str, list[datetime]] = {}
    for subject, at in await session.execute(statement):
        moments.setdefault(subject, []).append(at)
    return moments


async def untold(session: AsyncSession, now: datetime, limit: int) -> list[tuple[AlertFiringRow, AlertRuleRow]]:
    """Firings that are to be told of by now and are not yet, with their rules; locked, but for those others hold."""
    is_new = func.jsonb_array_length(AlertFiringRow.told) == 0
    found = await session.execute(_to_tell(now).where(is_new).limit(limit))
    return [(firing, rule) for firing, rule in found]


async def unmailed(session: AsyncSession, now: datetime) -> tuple[AlertFiringRow, AlertRuleRow] | None:
    """The firing whose mails have waited the longest, with its rule; locked. None if there is none."""
    is_told = func.jsonb_array_length(AlertFiringRow.told) > 0
    found = (await session.execute(_to_tell(now).where(is_told).limit(1))).first()
    return None if found is None else (found[0], found[1])


def _to_tell(now: datetime) -> Select[AlertFiringRow, AlertRuleRow]:
    return (
        select(AlertFiringRow, AlertRuleRow)
        .join(AlertRuleRow, AlertRuleRow.id == AlertFiringRow.rule_id)
        .where(AlertFiringRow.next_at <= now)
        .order_by(AlertFiringRow.next_at)
        .with_for_update(of=AlertFiringRow, skip_locked=True)
    )


async def mails_since(session: AsyncSession, project_id: str, moment: datetime) -> int:
    """How many mails were sent about firings since."""
    sent = func.jsonb_path_query_array(AlertFiringRow.told, _SENT_MAILS)
    fired_since = (AlertFiringRow.project_id == project_id, AlertFiringRow.fired_at >= moment)
    return await session.scalar(select(func.sum(func.jsonb_array_length(sent))).where(*fired_since)) or 0


# ---------------------------------------------------------------- what rules look at
#
# Each gives the moments in [since, until) at which calls of a project met a condition, with the call, its agent, a
# value and what else there is to show. Calls that this server placed to itself are nobody's alarm.


async def long_calls(
    session: AsyncSession, project_id: str, agent_id: str | None, since: datetime, until: datetime, seconds: float
) -> Found:
    """Calls that went on for so long, running or ended, at the moment they did."""
    reached = CallRow.started_at + timedelta(seconds=seconds)
    return await _rows(
        session,
        select(reached, CallRow.id, CallRow.agent_id, literal(seconds))
        .where(*_calls(project_id, agent_id))
        .where(CallRow.started_at >= since - timedelta(seconds=seconds))
        .where(CallRow.started_at < until - timedelta(seconds=seconds))
        .where(or_(CallRow.ended_at.is_(None), CallRow.ended_at >= reached)),
    )


async def judged_calls(
    session: AsyncSession, project_id: str, agent_id: str | None, since: datetime, until: datetime, at_most: float
) -> Found:
    """Calls whose satisfaction was judged to be that low, when it was judged; the fifth column is the summary."""
    statement = (
        select(
            AnalysisRow.finished_at,
            CallRow.id,
            CallRow.agent_id,
            AnalysisRow.satisfaction_score,
            AnalysisRow.summary,
        )
        .join(CallRow, CallRow.id == AnalysisRow.call_id)
        .where(*_calls(project_id, agent_id), AnalysisRow.project_id == project_id, AnalysisRow.status == "done")
        .where(AnalysisRow.finished_at >= since, AnalysisRow.finished_at < until)
        .where(AnalysisRow.satisfaction_score <= at_most)
    )
    return await _rows(session, statement)


async def caller_lines(
    session: AsyncSession, project_id: str, agent_id: str | None, since: datetime, until: datetime
) -> Found:
    """What callers said, when it was written down; the fifth column is the line."""
    statement = (
        select(TranscriptRow.created_at, CallRow.id, CallRow.agent_id, literal(1.0), TranscriptRow.caller)
        .join(CallRow, CallRow.id == TranscriptRow.call_id)
        .where(*_calls(project_id, agent_id), TranscriptRow.project_id == project_id, TranscriptRow.caller != "")
        .where(TranscriptRow.created_at >= since, TranscriptRow.created_at < until)
    )
    return await _rows(session, statement)


async def ended_calls(
    session: AsyncSession, project_id: str, agent_id: str | None, since: datetime, until: datetime
) -> Found:
    """Calls at their end; the value is 1 for a failed one, the fifth column the reason."""
    is_failed = cast(CallRow.status == "failed", Integer)
    statement = (
        select(CallRow.ended_at, CallRow.id, CallRow.agent_id, is_failed, CallRow.end_reason)
        .where(*_calls(project_id, agent_id))
        .where(CallRow.ended_at >= since, CallRow.ended_at < until)
    )
    return await _rows(session, statement)


async def transferred_calls(
    session: AsyncSession, project_id: str, agent_id: str | None, since: datetime, until: datetime
) -> Found:
    """Calls whose callers a human took, at the moment the human did; those of earlier versions at their end."""
    each = func.jsonb_array_elements(CallRow.transfers).table_valued(column("tried", JSONB)).render_derived("each")
    answered_at = cast(each.c.tried["answered_at"].astext, DateTime(timezone=True))
    columns = CallRow.id, CallRow.agent_id, literal(1.0)
    now = (
        select(answered_at, *columns)
        .select_from(CallRow)
        .join(each, true())
        .where(*_calls(project_id, agent_id), CallRow.transfers.is_not(None), CallRow.created_at >= since - _LONGEST)
        .where(answered_at >= since, answered_at < until)
    )
    before = (
        select(CallRow.ended_at, *columns)
        .where(*_calls(project_id, agent_id), CallRow.end_reason == "transferred", CallRow.transfers.is_(None))
        .where(CallRow.ended_at >= since, CallRow.ended_at < until)
    )
    return [*await _rows(session, now), *await _rows(session, before)]


async def problems(
    session: AsyncSession,
    project_id: str,
    agent_id: str | None,
    since: datetime,
    until: datetime,
    codes: Sequence[str],
) -> Found:
    """What went wrong in calls, as it was noted; the fifth column is the code. Without `codes`, every failure: not
    what mended itself, and not what was asked for in vain."""
    code = ProblemRow.code
    condition = code.in_(codes) if codes else and_(code.not_in(_NO_FAILURES), code.not_like(r"%\_lost"))
    statement = (
        select(ProblemRow.at, CallRow.id, CallRow.agent_id, literal(1.0), ProblemRow.code)
        .join(CallRow, CallRow.id == ProblemRow.call_id)
        .where(*_calls(project_id, agent_id), ProblemRow.project_id == project_id, condition)
        .where(ProblemRow.at >= since, ProblemRow.at < until)
    )
    return await _rows(session, statement)


async def long_waits(
    session: AsyncSession, project_id: str, agent_id: str | None, since: datetime, until: datetime, seconds: float
) -> Found:
    """Callers who waited for so long, still or no more, at the moment they had; the fifth column is their lane."""
    reached = QueueEntryRow.entered_at + timedelta(seconds=seconds)
    statement = (
        select(reached, CallRow.id, CallRow.agent_id, literal(seconds), QueueEntryRow.lane)
        .join(CallRow, CallRow.id == QueueEntryRow.call_id)
        .where(*_calls(project_id, None), QueueEntryRow.project_id == project_id)
        .where(QueueEntryRow.entered_at >= since - timedelta(seconds=seconds))
        .where(QueueEntryRow.entered_at < until - timedelta(seconds=seconds))
        .where(or_(QueueEntryRow.left_at.is_(None), QueueEntryRow.left_at >= reached))
    )
    if agent_id is not None:
        statement = statement.where(QueueEntryRow.agent_ids.op("?")(agent_id))
    return await _rows(session, statement)


def _calls(project_id: str, agent_id: str | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [CallRow.project_id == project_id, CallRow.is_test.is_(False)]
    return found if agent_id is None else [*found, CallRow.agent_id == agent_id]


async def _rows(session: AsyncSession, statement: Select[*tuple[Any, ...]]) -> Found:
    """In parts, so that nothing else has to wait until all of many are read."""
    found: list[Row[*tuple[Any, ...]]] = []
    newest = statement.order_by(literal_column("1").desc()).limit(MOST_FOUND)
    async for part in (await session.stream(newest)).partitions(_PART):
        found += part
    return found
