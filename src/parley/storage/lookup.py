"""How every noun's queries find one row and read one page."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import NotFound
from parley.domain.ids import is_possible
from parley.storage.tables import Row

R = TypeVar("R", bound=Row)


async def find(session: AsyncSession, statement: Select[R], noun: str, row_id: str) -> R:
    """The one row, or NotFound. A foreign row and a missing one look the same to the caller."""
    row = await session.scalar(statement) if is_possible(row_id) else None
    if row is None:
        raise NotFound(f"There is no {noun} with this id in this project.")
    return row


async def page(session: AsyncSession, statement: Select[R], limit: int, offset: int) -> tuple[list[R], int]:
    """One page of an ordered selection, and how many rows there are in all."""
    total = await session.scalar(select(func.count()).select_from(statement.order_by(None).subquery()))
    rows = await session.scalars(statement.limit(limit).offset(offset))
    return list(rows), total or 0
