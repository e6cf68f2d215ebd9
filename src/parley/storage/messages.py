"""Queries about text messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import NotFound
from parley.domain.ids import is_possible
from parley.domain.messages import FAILED
from parley.storage.lookup import find, page
from parley.storage.tables import MessageRow


async def get(session: AsyncSession, project_id: str, message_id: str) -> MessageRow:
    """Read anew even if the session knows the message already."""
    statement = select(MessageRow).where(MessageRow.project_id == project_id, MessageRow.id == message_id)
    return await find(session, statement.execution_options(populate_existing=True), "message", message_id)


async def get_known(session: AsyncSession, message_id: str, *, lock: bool = False) -> MessageRow:
    """By the id alone, for the carrier, who was given it by this server. Raises NotFound."""
    statement = select(MessageRow).where(MessageRow.id == message_id).execution_options(populate_existing=True)
    row = await session.scalar(statement.with_for_update() if lock else statement) if is_possible(message_id) else None
    if row is None:
        raise NotFound("This server knows no such message.")
    return row


async def by_carrier_id(
    session: AsyncSession, project_id: str, carrier: str, carrier_message_id: str
) -> MessageRow | None:
    statement = select(MessageRow).where(
        MessageRow.project_id == project_id,
        MessageRow.carrier == carrier,
        MessageRow.carrier_message_id == carrier_message_id,
    )
    row: MessageRow | None = await session.scalar(statement)
    return row


async def unnamed_since(session: AsyncSession, before: datetime, limit: int = 100) -> list[str]:
    """The ids of queued messages, of every project, that were written before then, and of whose sending there is
    neither the carrier's name nor an error; the oldest first."""
    statement = select(MessageRow.id).where(
        MessageRow.direction == "outbound",
        MessageRow.status == "queued",
        MessageRow.carrier_message_id.is_(None),
        MessageRow.error_message.is_(None),
        MessageRow.created_at < before,
    )
    return list(await session.scalars(statement.order_by(MessageRow.created_at, MessageRow.id).limit(limit)))


async def insert_once(session: AsyncSession, values: dict[str, Any]) -> MessageRow | None:
    """Record a message; None, and nothing changes, when the carrier's message is recorded already."""
    added = insert(MessageRow).values(values).on_conflict_do_nothing().returning(MessageRow)
    row: MessageRow | None = await session.scalar(added)
    return row


async def list_of_number(
    session: AsyncSession, project_id: str, number_id: str, limit: int, offset: int
) -> tuple[list[MessageRow], int]:
    """Newest first."""
    statement = select(MessageRow).where(MessageRow.project_id == project_id, MessageRow.number_id == number_id)
    return await page(session, statement.order_by(MessageRow.created_at.desc(), MessageRow.id.desc()), limit, offset)


async def list_of_conversation(
    session: AsyncSession, project_id: str, conversation_id: str, limit: int, offset: int
) -> tuple[list[MessageRow], int]:
    """Newest first."""
    statement = select(MessageRow).where(
        MessageRow.project_id == project_id, MessageRow.conversation_id == conversation_id
    )
    return await page(session, statement.order_by(MessageRow.created_at.desc(), MessageRow.id.desc()), limit, offset)


async def history(session: AsyncSession, message: MessageRow, limit: int) -> list[MessageRow]:
    """What was said in the conversation up to this message: at most `limit` messages, oldest first, ending with it.

    What never reached the other side was not said.
    """
    moment = tuple_(MessageRow.created_at, MessageRow.id)
    statement = select(MessageRow).where(
        MessageRow.conversation_id == message.conversation_id,
        moment <= tuple_(message.created_at, message.id),
        or_(MessageRow.status.not_in(FAILED), MessageRow.id == message.id),
    )
    newest = await session.scalars(statement.order_by(MessageRow.created_at.desc(), MessageRow.id.desc()).limit(limit))
    return list(reversed(list(newest)))
