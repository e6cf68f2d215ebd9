"""Deleting what has had its time, of all projects, a bounded number of rows at once so that nothing waits for it.

What somebody else has locked is left for the next time, so that it waits for nobody either.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.tables import DeliveryRow, IdempotencyRow, ProjectRow, StreamTokenRow


async def idempotency_keys(session: AsyncSession, before: datetime, limit: int) -> int:
    """Keys claimed before the moment; returns how many went."""
    table = IdempotencyRow
    found = select(table.project_id, table.key).where(table.created_at < before).limit(limit)
    old = found.with_for_update(skip_locked=True).subquery()
    gone = delete(table).where(table.project_id == old.c.project_id, table.key == old.c.key)
    return len((await session.scalars(gone.returning(table.key))).all())


async def stream_tokens(session: AsyncSession, before: datetime, limit: int) -> int:
    """Tokens that expired before the moment, used or not; returns how many went."""
    found = select(StreamTokenRow.token_hash).where(StreamTokenRow.expires_at < before).limit(limit)
    old = found.with_for_update(skip_locked=True).scalar_subquery()
    gone = delete(StreamTokenRow).where(StreamTokenRow.token_hash.in_(old))
    return len((await session.scalars(gone.returning(StreamTokenRow.token_hash))).all())


async def deliveries(session: AsyncSession, before: datetime, limit: int) -> int:
    """Deliveries recorded before the moment that have succeeded or failed; returns how many went.

    Looked for project by project, because that is how they are indexed.
    """
    one = (
        select(DeliveryRow.id)
        .where(
            DeliveryRow.project_id == ProjectRow.id, DeliveryRow.created_at < before, DeliveryRow.status != "pending"
        )
        .order_by(DeliveryRow.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .lateral()
    )
    old = select(one.c.id).select_from(ProjectRow).join(one, true()).limit(limit).scalar_subquery()
    gone = delete(DeliveryRow).where(DeliveryRow.id.in_(old))
    return len((await session.scalars(gone.returning(DeliveryRow.id))).all())
