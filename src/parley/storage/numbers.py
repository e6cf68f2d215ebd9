"""Queries about phone numbers."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import NotFound
from parley.domain.ids import is_possible
from parley.storage.lookup import Slice, find, page, page_after
from parley.storage.tables import NumberRow


async def get(session: AsyncSession, project_id: str, number_id: str, *, lock: bool = False) -> NumberRow:
    """Active or released."""
    statement = select(NumberRow).where(NumberRow.project_id == project_id, NumberRow.id == number_id)
    return await find(session, statement.with_for_update() if lock else statement, "number", number_id)


async def get_ringing(session: AsyncSession, number_id: str) -> NumberRow:
    """An active number by its id alone: the carrier names no project. Raises NotFound."""
    statement = select(NumberRow).where(NumberRow.id == number_id, NumberRow.status == "active")
    row = await session.scalar(statement) if is_possible(number_id) else None
    if row is None:
        raise NotFound("This number is not in use on this server.")
    return row


async def get_known(session: AsyncSession, number_id: str) -> NumberRow:
    """By its id alone, also a released one: calls may end after that. Raises NotFound."""
    statement = select(NumberRow).where(NumberRow.id == number_id)
    row = await session.scalar(statement) if is_possible(number_id) else None
    if row is None:
        raise NotFound("This server knows no such number.")
    return row


async def known(session: AsyncSession, project_id: str, number_ids: Collection[str]) -> list[NumberRow]:
    """Those of these numbers that are the project's, active or released."""
    statement = select(NumberRow).where(NumberRow.project_id == project_id, NumberRow.id.in_(number_ids))
    return list(await session.scalars(statement))


async def active_by_phone(session: AsyncSession, phone_number: str, *, lock: bool = False) -> NumberRow | None:
    """Whichever project it belongs to: a phone number is active once on a server."""
    statement = select(NumberRow).where(NumberRow.phone_number == phone_number, NumberRow.status == "active")
    return await session.scalar(statement.with_for_update() if lock else statement)


async def taken_among(session: AsyncSession, project_id: str, phone_numbers: Collection[str]) -> set[str]:
    """Those of the phone numbers that are active in the project, or connected in any other."""
    statement = select(NumberRow.phone_number).where(NumberRow.status == "active")
    statement = statement.where(or_(NumberRow.is_connected, NumberRow.project_id == project_id))
    return set(await session.scalars(statement.where(NumberRow.phone_number.in_(phone_numbers))))


async def list_page(session: AsyncSession, project_id: str, limit: int, offset: int) -> tuple[list[NumberRow], int]:
    """The active ones, oldest first."""
    statement = select(NumberRow).where(NumberRow.project_id == project_id, NumberRow.status == "active")
    return await page(session, statement.order_by(NumberRow.created_at, NumberRow.id), limit, offset)


async def list_after(session: AsyncSession, project_id: str, after_id: str | None, limit: int) -> Slice[NumberRow]:
    """The active ones, newest first."""
    statement = select(NumberRow).where(NumberRow.project_id == project_id, NumberRow.status == "active")
    return await page_after(session, statement, NumberRow.id, after_id, limit)


async def unassign_all(session: AsyncSession, project_id: str, agent_id: str) -> list[str]:
    """Take all numbers from the agent; returns their ids in the order they were attached."""
    mine = (NumberRow.project_id == project_id, NumberRow.agent_id == agent_id)
    statement = select(NumberRow.id).where(*mine).order_by(NumberRow.attached_at, NumberRow.id).with_for_update()
    ids = list(await session.scalars(statement))
    await session.execute(update(NumberRow).where(*mine).values(agent_id=None, attached_at=None))
    return ids
