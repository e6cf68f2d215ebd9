"""Queries about deliveries as the customer sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.lookup import page
from parley.storage.tables import DeliveryRow


async def list_page(
    session: AsyncSession, project_id: str, agent_id: str | None, since: datetime | None, limit: int, offset: int
) -> tuple[list[DeliveryRow], int]:
    """Newest first."""
    statement = select(DeliveryRow).where(DeliveryRow.project_id == project_id)
    if agent_id is not None:
        statement = statement.where(DeliveryRow.agent_id == agent_id)
    if since is not None:
        statement = statement.where(DeliveryRow.created_at >= since)
    return await page(session, statement.order_by(DeliveryRow.created_at.desc(), DeliveryRow.seq.desc()), limit, offset)


async def add_once(session: AsyncSession, values: dict[str, Any]) -> None:
    """Record a request that was made elsewhere; recording it again does nothing."""
    await session.execute(insert(DeliveryRow).values(values).on_conflict_do_nothing(index_elements=[DeliveryRow.id]))
