"""Queries about webhooks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.tables import WebhookRow


async def get(session: AsyncSession, project_id: str, agent_id: str | None, *, lock: bool = False) -> WebhookRow | None:
    """The project's own webhook (`agent_id` None), or the agent's."""
    owner = WebhookRow.agent_id.is_(None) if agent_id is None else WebhookRow.agent_id == agent_id
    statement = select(WebhookRow).where(WebhookRow.project_id == project_id, owner)
    return await session.scalar(statement.with_for_update() if lock else statement)


async def get_or_add(
    session: AsyncSession, project_id: str, agent_id: str | None, new_webhook_id: str, now: datetime
) -> WebhookRow:
    """The one webhook of the project or agent, locked; a new one is still to be filled in by the caller."""
    empty = {"url": "", "sealed_secret": b"", "context_limit": 0, "timeout_s": 0.0, "created_at": now}
    added = insert(WebhookRow).values(id=new_webhook_id, project_id=project_id, agent_id=agent_id, **empty)
    await session.execute(added.on_conflict_do_nothing())
    row = await get(session, project_id, agent_id, lock=True)
    assert row is not None, "it was just added, or was there"
    return row


async def applying(
    session: AsyncSession, project_id: str, agent_id: str | None, *, keep: bool = False
) -> WebhookRow | None:
    """The agent's webhook if it has one, else the project's; a disabled agent webhook does not let the project's in.

    What is to be kept cannot be deleted before the transaction ends.
    """
    owner = or_(WebhookRow.agent_id.is_(None), WebhookRow.agent_id == agent_id)
    statement = select(WebhookRow).where(WebhookRow.project_id == project_id, owner)
    first = statement.order_by(WebhookRow.agent_id.is_(None)).limit(1)
    return await session.scalar(first.with_for_update(read=True, key_share=True) if keep else first)


async def by_id(session: AsyncSession, webhook_id: str, *, lock: bool = False) -> WebhookRow | None:
    """For the delivery worker, which serves every project."""
    statement = select(WebhookRow).where(WebhookRow.id == webhook_id)
    return await session.scalar(statement.with_for_update() if lock else statement)
