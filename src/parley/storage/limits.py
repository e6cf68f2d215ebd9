"""What a project has of everything that is limited, counted under a lock where the count decides."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, literal_column, null, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.limits import OwnLimits
from parley.storage.tables import CallRow, MessageRow, NumberRow, ProjectRow

# Spelled out, so that the index of unfinished calls is seen to fit.
_UNFINISHED: ColumnElement[bool] = literal_column("calls.status NOT IN ('completed', 'failed')")
# Who waits, hears an announcement or leaves a message holds no place; a conversation does, also one with a human.
TALKS = or_(CallRow.stage.is_(None), CallRow.stage["type"].astext == "forwarding")
# Whose place a call holds: a caller who speaks with a human is the agent's no more.
_HOLDER = case((literal_column("calls.stage->>'is_answered' = 'true'"), null()), else_=CallRow.agent_id)
# A caller who was turned away has had no call, though there is a row of it.
TURNED_AWAY = ("rejected", "no_agent", "limit_reached")


async def own(session: AsyncSession, project_id: str, *, lock: bool = False) -> OwnLimits:
    """The project's own limits. `lock` lets one transaction a project go on at a time, until it ends.

    The lock is FOR NO KEY UPDATE: rows that refer to the project are still inserted and read beside it.
    """
    columns = (
        ProjectRow.number_limit,
        ProjectRow.concurrent_call_limit,
        ProjectRow.daily_call_limit,
        ProjectRow.daily_message_limit,
    )
    statement = select(*columns).where(ProjectRow.id == project_id)
    row = (await session.execute(statement.with_for_update(key_share=True) if lock else statement)).one()
    return OwnLimits(numbers=row[0], concurrent_calls=row[1], daily_calls=row[2], daily_messages=row[3])


async def numbers(session: AsyncSession, project_id: str, *, except_for: Collection[str] = ()) -> int:
    """Active numbers, not counting those named."""
    statement = select(func.count()).where(NumberRow.project_id == project_id, NumberRow.status == "active")
    if except_for:
        statement = statement.where(NumberRow.id.not_in(except_for))
    return await session.scalar(statement) or 0


async def live_calls(session: AsyncSession, project_id: str, *, except_for: str = "") -> dict[str | None, int]:
    """How many calls each agent holds, queued and ringing ones too; None stands for calls without an agent.

    Tests and callers who wait do not count, nor does the call with the id `except_for`. Who was put through to a human
    counts without the agent.
    """
    live = (CallRow.project_id == project_id, CallRow.is_test.is_(False), CallRow.id != except_for, _UNFINISHED, TALKS)
    holder = _HOLDER.label("holder")
    statement = select(holder, func.count()).where(*live).group_by(holder)
    return {row[0]: row[1] for row in await session.execute(statement)}


async def calls_since(session: AsyncSession, project_id: str, moment: datetime) -> int:
    """Calls in both directions that began after the moment, whatever became of them; tests do not count."""
    since = (CallRow.project_id == project_id, CallRow.created_at > moment, CallRow.is_test.is_(False))
    had = or_(CallRow.end_reason.is_(None), CallRow.end_reason.not_in(TURNED_AWAY))
    return await session.scalar(select(func.count()).where(*since, had)) or 0


async def messages_sent_since(session: AsyncSession, project_id: str, moment: datetime) -> int:
    """Text messages sent after the moment, whatever became of them."""
    since = (MessageRow.project_id == project_id, MessageRow.created_at > moment, MessageRow.direction == "outbound")
    return await session.scalar(select(func.count()).where(*since)) or 0
