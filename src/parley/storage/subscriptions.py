"""Queries about subscriptions."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.lookup import Slice, find, page_after
from parley.storage.tables import SubscriptionRow


async def get(session: AsyncSession, project_id: str, subscription_id: str, *, lock: bool = False) -> SubscriptionRow:
    """Raises NotFound for a foreign one too."""
    statement = select(SubscriptionRow).where(
        SubscriptionRow.project_id == project_id, SubscriptionRow.id == subscription_id
    )
    return await find(session, statement.with_for_update() if lock else statement, "webhook", subscription_id)


async def list_page(session: AsyncSession, project_id: str, after_id: str | None, limit: int) -> Slice[SubscriptionRow]:
    """Newest first, behind the row with `after_id`."""
    statement = select(SubscriptionRow).where(SubscriptionRow.project_id == project_id)
    return await page_after(session, statement, SubscriptionRow.id, after_id, limit)


async def count(session: AsyncSession, project_id: str) -> int:
    statement = select(func.count()).select_from(SubscriptionRow).where(SubscriptionRow.project_id == project_id)
    return await session.scalar(statement) or 0


async def active(session: AsyncSession, project_id: str) -> list[SubscriptionRow]:
    """Those that are told events now, oldest first; none of them can be deleted before the transaction ends."""
    statement = select(SubscriptionRow).where(SubscriptionRow.project_id == project_id, SubscriptionRow.active)
    kept = statement.order_by(SubscriptionRow.id).with_for_update(read=True, key_share=True)
    return list(await session.scalars(kept))


async def by_id(session: AsyncSession, subscription_id: str, *, lock: bool = False) -> SubscriptionRow | None:
    """For the delivery worker, which serves every project."""
    statement = select(SubscriptionRow).where(SubscriptionRow.id == subscription_id)
    return await session.scalar(statement.with_for_update() if lock else statement)
