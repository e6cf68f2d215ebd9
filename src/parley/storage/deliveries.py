"""Queries about deliveries as the customer sees them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.lookup import find, page
from parley.storage.tables import DeliveryRow


class Tally(NamedTuple):
    """How many deliveries of one type that were created in one hour (its beginning) have one status."""

    event_type: str
    status: str
    hour: datetime
    number: int


async def get(session: AsyncSession, project_id: str, delivery_id: str, *, lock: bool = False) -> DeliveryRow:
    """Raises NotFound for a foreign one too. A locked row is as it is now, whatever the session read before."""
    statement = select(DeliveryRow).where(DeliveryRow.project_id == project_id, DeliveryRow.id == delivery_id)
    locked = statement.with_for_update().execution_options(populate_existing=True)
    return await find(session, locked if lock else statement, "delivery", delivery_id)


async def list_page(
    session: AsyncSession, conditions: dict[str, Any], since: datetime | None, limit: int, offset: int
) -> tuple[list[DeliveryRow], int]:
    """Newest first. `conditions` are columns and the values they must have; one of them is the project."""
    statement = select(DeliveryRow).filter_by(**conditions)
    if since is not None:
        statement = statement.where(DeliveryRow.created_at >= since)
    return await page(session, statement.order_by(DeliveryRow.created_at.desc(), DeliveryRow.seq.desc()), limit, offset)


async def tallies(session: AsyncSession, project_id: str, since: datetime) -> Sequence[Tally]:
    """What was created since then, counted by type, status and hour (UTC)."""
    hour = func.date_trunc("hour", DeliveryRow.created_at, "UTC")
    statement = (
        select(DeliveryRow.event_type, DeliveryRow.status, hour, func.count())
        .where(DeliveryRow.project_id == project_id, DeliveryRow.created_at >= since)
        .group_by(DeliveryRow.event_type, DeliveryRow.status, hour)
    )
    return [Tally(*row) for row in await session.execute(statement)]


async def count_by_status(session: AsyncSession, project_id: str) -> dict[str, int]:
    """All that are kept."""
    statement = select(DeliveryRow.status, func.count().label("number")).where(DeliveryRow.project_id == project_id)
    found = await session.execute(statement.group_by(DeliveryRow.status))
    return {row.status: row.number for row in found}


async def add_once(session: AsyncSession, values: dict[str, Any]) -> None:
    """Record a request that was made elsewhere; recording it again does nothing."""
    added = insert(DeliveryRow).values(values)
    await session.execute(added.on_conflict_do_nothing(index_elements=[DeliveryRow.id]))
