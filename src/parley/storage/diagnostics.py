"""Queries about checks that were made, and the counts they are made from."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, select
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
    status = select(WebhookRow.status).where(WebhookRow.project_id == project_id)
    own = status.where(WebhookRow.agent_id == AgentRow.id).scalar_subquery()
    projects = status.where(WebhookRow.agent_id.is_(None)).scalar_subquery()
    has_number = select(NumberRow.id).where(NumberRow.agent_id == AgentRow.id, NumberRow.status == "active").exists()
    statement = select(func.count()).where(
        AgentRow.project_id == project_id,
        AgentRow.voice_mode == "webhook",
        has_number,
        func.coalesce(own, projects).is_distinct_from("active"),
    )
    return await session.scalar(statement) or 0


async def failing_deliveries(session: AsyncSession, project_id: str, since: datetime) -> tuple[int, int]:
    """(given up, to be tried again) of the deliveries tried since then."""
    statement = select(
        func.count().filter(DeliveryRow.status == "failed"),
        func.count().filter(DeliveryRow.status == "pending", DeliveryRow.attempts > 0),
    ).where(DeliveryRow.project_id == project_id, DeliveryRow.last_attempt_at >= since)
    failed, retrying = (await session.execute(statement)).one()
    return failed, retrying
