"""Queries about SIP trunks."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.lookup import Slice, find, page_after
from parley.storage.tables import TrunkRow


async def get(session: AsyncSession, project_id: str, trunk_id: str, *, lock: bool = False) -> TrunkRow:
    statement = select(TrunkRow).where(TrunkRow.project_id == project_id, TrunkRow.id == trunk_id)
    return await find(session, statement.with_for_update() if lock else statement, "SIP trunk", trunk_id)


async def list_after(session: AsyncSession, project_id: str, after_id: str | None, limit: int) -> Slice[TrunkRow]:
    """Newest first."""
    statement = select(TrunkRow).where(TrunkRow.project_id == project_id)
    return await page_after(session, statement, TrunkRow.id, after_id, limit)


async def count(session: AsyncSession, project_id: str) -> int:
    """How many trunks the project has."""
    return await session.scalar(select(func.count()).where(TrunkRow.project_id == project_id)) or 0
