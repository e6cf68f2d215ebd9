"""Queries about agents."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from parley.storage.lookup import find, page
from parley.storage.tables import AgentRow


async def get(session: AsyncSession, project_id: str, agent_id: str, *, lock: bool = False) -> AgentRow:
    """With `numbers` loaded, read anew even if the session knows the agent already."""
    statement = select(AgentRow).where(AgentRow.project_id == project_id, AgentRow.id == agent_id)
    statement = statement.options(selectinload(AgentRow.numbers)).execution_options(populate_existing=True)
    return await find(session, statement.with_for_update() if lock else statement, "agent", agent_id)


async def list_page(session: AsyncSession, project_id: str, limit: int, offset: int) -> tuple[list[AgentRow], int]:
    """Newest first, with `numbers` loaded."""
    statement = select(AgentRow).where(AgentRow.project_id == project_id).options(selectinload(AgentRow.numbers))
    return await page(session, statement.order_by(AgentRow.created_at.desc(), AgentRow.id.desc()), limit, offset)


async def known_ids(session: AsyncSession, project_id: str, agent_ids: Collection[str]) -> set[str]:
    """Which of these are the project's agents."""
    statement = select(AgentRow.id).where(AgentRow.project_id == project_id, AgentRow.id.in_(agent_ids))
    return set(await session.scalars(statement))


async def named(session: AsyncSession, project_id: str, agent_ids: Sequence[str]) -> list[AgentRow]:
    """Those of the agents that there are, in the order in which they are named, as they are now."""
    statement = select(AgentRow).where(AgentRow.project_id == project_id, AgentRow.id.in_(agent_ids))
    rows = await session.scalars(statement.execution_options(populate_existing=True))
    found = {row.id: row for row in rows}
    return [found[agent_id] for agent_id in dict.fromkeys(agent_ids) if agent_id in found]


async def call_limits(session: AsyncSession, project_id: str, agent_ids: Collection[str]) -> dict[str, int | None]:
    """How many calls each of those agents that there are may hold at once; None is any number."""
    statement = select(AgentRow.id, AgentRow.max_concurrent_calls)
    statement = statement.where(AgentRow.project_id == project_id, AgentRow.id.in_(agent_ids))
    return {row[0]: row[1] for row in await session.execute(statement)}


async def hold(session: AsyncSession, project_id: str, agent_id: str | None) -> str | None:
    """The id itself if the agent is there, and then it stays until this transaction ends; else None.

    Whoever locks or adds rows that name an agent does this first: deleting the agent waits, instead of locking the same
    rows, and the agent's webhook, the other way round.
    """
    statement = select(AgentRow.id).where(AgentRow.project_id == project_id, AgentRow.id == agent_id)
    held: str | None = await session.scalar(statement.with_for_update(read=True, key_share=True))
    return held


async def remove(session: AsyncSession, project_id: str, agent_id: str) -> None:
    await session.execute(delete(AgentRow).where(AgentRow.project_id == project_id, AgentRow.id == agent_id))
