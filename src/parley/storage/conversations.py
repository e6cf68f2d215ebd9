"""Queries about conversations: all texts between one of our numbers and one other number."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.lookup import find, page
from parley.storage.tables import ConversationRow, NumberRow


async def get(session: AsyncSession, project_id: str, conversation_id: str, *, lock: bool = False) -> ConversationRow:
    statement = select(ConversationRow).where(
        ConversationRow.project_id == project_id, ConversationRow.id == conversation_id
    )
    return await find(session, statement.with_for_update() if lock else statement, "conversation", conversation_id)


async def get_or_add(
    session: AsyncSession, number: NumberRow, participant: str, new_conversation_id: str, now: datetime
) -> ConversationRow:
    """The one conversation of this pair of numbers, locked: whoever adds a message to it does so one by one."""
    values = {
        "id": new_conversation_id,
        "project_id": number.project_id,
        "number_id": number.id,
        "phone_number": number.phone_number,
        "participant": participant,
        "last_message_at": now,
        "last_message_preview": "",
        "created_at": now,
    }
    await session.execute(insert(ConversationRow).values(values).on_conflict_do_nothing())
    statement = select(ConversationRow).where(
        ConversationRow.number_id == number.id, ConversationRow.participant == participant
    )
    row = await session.scalar(statement.with_for_update().execution_options(populate_existing=True))
    assert row is not None, "it was just added, or was there"
    return row


async def list_page(
    session: AsyncSession, project_id: str, agent_id: str | None, limit: int, offset: int
) -> tuple[list[ConversationRow], int]:
    """The one with the latest message first."""
    statement = select(ConversationRow).where(ConversationRow.project_id == project_id)
    if agent_id is not None:
        statement = statement.where(ConversationRow.agent_id == agent_id)
    ordered = statement.order_by(ConversationRow.last_message_at.desc(), ConversationRow.id.desc())
    return await page(session, ordered, limit, offset)
