"""How every noun's queries find one row and read one page."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

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


class Slice(NamedTuple, Generic[R]):
    """Some rows of a selection. `next_id` is the id behind which the next ones are; None where these are the last."""

    rows: list[R]
    total: int
    next_id: str | None


async def page_after(
    session: AsyncSession,
    statement: Select[R],
    id_column: InstrumentedAttribute[str],
    after_id: str | None,
    limit: int,
) -> Slice[R]:
    """Up to `limit` rows of an unordered selection, newest first by id, behind `after_id` (None: from the first).

    `total` counts the whole selection. Rows that are made meanwhile move nothing, and the row with `after_id` may be
    gone: ids are ordered by the moment they were made.
    """
    total = await session.scalar(select(func.count()).select_from(statement.subquery()))
    older = statement if after_id is None else statement.where(id_column < after_id)
    rows = list(await session.scalars(older.order_by(id_column.desc()).limit(limit + 1)))
    next_id = str(getattr(rows[limit - 1], id_column.key)) if len(rows) > limit else None
    return Slice(rows[:limit], total or 0, next_id)
