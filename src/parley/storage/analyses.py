"""Queries about what was learnt from calls, and the line of those that are still to be judged.

A claim is a lease: a worker that dies keeps nothing, because its rows may be claimed again when the lease is over.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.tables import AgentRow, AnalysisRow

_JUDGED = (
    "summary",
    "resolution_status",
    "satisfaction_score",
    "topics",
    "fields",
    "criteria",
    "model",
    "prompt_version",
    "finished_at",
)


async def find(session: AsyncSession, project_id: str, call_id: str) -> AnalysisRow | None:
    """Read anew."""
    statement = select(AnalysisRow).where(AnalysisRow.project_id == project_id, AnalysisRow.call_id == call_id)
    row: AnalysisRow | None = await session.scalar(statement.execution_options(populate_existing=True))
    return row


async def of_calls(session: AsyncSession, project_id: str, call_ids: Collection[str]) -> dict[str, AnalysisRow]:
    """By the call's id; calls without one are left out."""
    statement = select(AnalysisRow).where(AnalysisRow.project_id == project_id, AnalysisRow.call_id.in_(call_ids))
    return {row.call_id: row for row in await session.scalars(statement)} if call_ids else {}


async def agents_wishes(session: AsyncSession, project_id: str, agent_id: str | None) -> dict[str, Any]:
    """What the agent wants to be found out; nothing where it says nothing, or is gone."""
    statement = select(AgentRow.analysis).where(AgentRow.project_id == project_id, AgentRow.id == agent_id)
    found: dict[str, Any] | None = await session.scalar(statement)
    return found or {}


async def put(session: AsyncSession, values: dict[str, Any]) -> None:
    """Begin the analysis of a call, or begin it anew: what was judged before is forgotten, id and beginning stay."""
    written = insert(AnalysisRow).values(values)
    anew = {name: value for name, value in values.items() if name not in {"id", "created_at"}}
    anew |= dict.fromkeys(_JUDGED, None) | {"attempts": 0, "leased_until": None}
    anew |= {name: values[name] for name in _JUDGED if name in values}
    await session.execute(written.on_conflict_do_update(index_elements=[AnalysisRow.call_id], set_=anew))


async def put_metrics(session: AsyncSession, call_id: str, metrics: dict[str, Any]) -> None:
    """What was counted, for a call that has an analysis already."""
    await session.execute(update(AnalysisRow).where(AnalysisRow.call_id == call_id).values(metrics=metrics))


async def claim(session: AsyncSession, now: datetime, lease: timedelta, limit: int) -> list[AnalysisRow]:
    """Take up to `limit` due rows for the length of the lease, the longest due first; what others hold is passed over.

    Each claim counts as an attempt.
    """
    due = (
        select(AnalysisRow.id)
        .where(
            AnalysisRow.status == "pending",
            AnalysisRow.next_at <= now,
            or_(AnalysisRow.leased_until.is_(None), AnalysisRow.leased_until <= now),
        )
        .order_by(AnalysisRow.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(AnalysisRow)
        .where(AnalysisRow.id.in_(due.cte("due").select()))
        .values(attempts=AnalysisRow.attempts + 1, leased_until=now + lease)
        .returning(AnalysisRow)
        .execution_options(synchronize_session=False)
    )
    return sorted(await session.scalars(taken), key=lambda row: row.next_at)


async def settle(session: AsyncSession, row: AnalysisRow, **outcome: Any) -> bool:
    """Write what came of a claimed row and end the lease. False if it was not this claim's to settle any more: somebody
    asked for it anew, or another worker holds it."""
    mine = update(AnalysisRow).where(
        AnalysisRow.id == row.id,
        AnalysisRow.status == "pending",
        AnalysisRow.attempts == row.attempts,
        AnalysisRow.leased_until == row.leased_until,
    )
    settled = await session.execute(mine.values(leased_until=None, **outcome).returning(AnalysisRow.id))
    return settled.first() is not None
