"""Queries about checks that were made, and the counts they are made from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.lookup import find
from parley.storage.tables import AgentRow, DeliveryRow, DiagnosticRow, NumberRow, WebhookRow

_MOST_KEPT = 500


class NumberCount(NamedTuple):
    """How a project's active numbers at one provider are doing."""

    provider: str
    registered: int
    connected: int
    without_agent: int


async def get(session: AsyncSession, project_id: str, kind: str, diagnostic_id: str) -> DiagnosticRow:
    statement = select(DiagnosticRow).where(
        DiagnosticRow.project_id == project_id, DiagnosticRow.kind == kind, DiagnosticRow.id == diagnostic_id
    )
    return await find(session, statement, "test", diagnostic_id)


async def add(session: AsyncSession, row: DiagnosticRow) -> None:
    """Keep it; of a project's checks only the newest 500 stay."""
    mine = DiagnosticRow.project_id == row.project_id
    newest = select(DiagnosticRow.id).where(mine).order_by(DiagnosticRow.id.desc())
    last_kept = newest.offset(_MOST_KEPT - 2).limit(1).scalar_subquery()
    await session.execute(delete(DiagnosticRow).where(mine, DiagnosticRow.id < last_kept))
    session.add(row)


async def announced(
    session: AsyncSession, project_id: str, number_id: str, carrier_call_id: str
) -> DiagnosticRow | None:
    """The running test that announced a call with this id on the number, if there is one."""
    statement = _running(project_id).where(
        DiagnosticRow.result["phone_number_id"].astext == number_id,
        DiagnosticRow.request["carrier_call_id"].astext == carrier_call_id,
    )
    return await session.scalar(statement)


async def running(session: AsyncSession, project_id: str, since: datetime) -> list[DiagnosticRow]:
    """The tests that began after the moment and are not done, oldest first."""
    statement = _running(project_id).where(DiagnosticRow.created_at > since)
    return list(await session.scalars(statement.order_by(DiagnosticRow.id)))


def _running(project_id: str) -> Select[DiagnosticRow]:
    return select(DiagnosticRow).where(
        DiagnosticRow.project_id == project_id, DiagnosticRow.result["status"].astext == "running"
    )


async def finish(session: AsyncSession, diagnostic_id: str, result: dict[str, Any]) -> None:
    """What came of a check that ran; one that nobody keeps any more stays forgotten."""
    await session.execute(update(DiagnosticRow).where(DiagnosticRow.id == diagnostic_id).values(result=result))


async def events_of(session: AsyncSession, project_id: str, call_id: str) -> int:
    """How many events of a call were recorded, for whomever."""
    own = (DeliveryRow.project_id == project_id, DeliveryRow.call_id == call_id)
    return await session.scalar(select(func.count()).where(*own)) or 0


async def number_counts(session: AsyncSession, project_id: str) -> list[NumberCount]:
    """By provider."""
    statement = select(
        NumberRow.provider,
        func.count(),
        func.count().filter(NumberRow.is_connected),
        func.count().filter(NumberRow.agent_id.is_(None)),
    ).where(NumberRow.project_id == project_id, NumberRow.status == "active")
    counted = await session.execute(statement.group_by(NumberRow.provider).order_by(NumberRow.provider))
    return [NumberCount(*each) for each in counted]


async def agents_without_answer(session: AsyncSession, project_id: str) -> int:
    """How many agents with a number ask a webhook, and have none that is active."""
    has_number = select(NumberRow.id).where(NumberRow.agent_id == AgentRow.id, NumberRow.status == "active").exists()
    statement = select(func.count()).where(AgentRow.project_id == project_id, has_number, ~_is_answered_for(project_id))
    return await session.scalar(statement) or 0


async def answered_for(session: AsyncSession, project_id: str, agent_ids: Sequence[str]) -> set[str]:
    """Those of the agents that a model or an active webhook answers for."""
    named = select(AgentRow.id).where(AgentRow.project_id == project_id, AgentRow.id.in_(agent_ids))
    return set(await session.scalars(named.where(_is_answered_for(project_id))))


def _is_answered_for(project_id: str) -> ColumnElement[bool]:
    status = select(WebhookRow.status).where(WebhookRow.project_id == project_id)
    own = status.where(WebhookRow.agent_id == AgentRow.id).scalar_subquery()
    projects = status.where(WebhookRow.agent_id.is_(None)).scalar_subquery()
    return or_(AgentRow.voice_mode != "webhook", func.coalesce(own, projects).is_not_distinct_from("active"))


async def failing_deliveries(session: AsyncSession, project_id: str, since: datetime) -> tuple[int, int]:
    """(given up, to be tried again) of the deliveries tried since then."""
    statement = select(
        func.count().filter(DeliveryRow.status == "failed"),
        func.count().filter(DeliveryRow.status == "pending", DeliveryRow.attempts > 0),
    ).where(DeliveryRow.project_id == project_id, DeliveryRow.last_attempt_at >= since)
    failed, retrying = (await session.execute(statement)).one()
    return failed, retrying
