"""Queries about calls as conversations: page by page, and with their exchanges counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.calls import ENDED
from parley.storage.lookup import Slice, page_after
from parley.storage.tables import CallRow, TranscriptRow


async def list_after(
    session: AsyncSession,
    project_id: str,
    conditions: Mapping[str, str],
    statuses: Collection[str] | None,
    after_id: str | None,
    limit: int,
) -> Slice[CallRow]:
    """Newest first. `conditions` are values of columns; `statuses` None is any."""
    statement = select(CallRow).where(CallRow.project_id == project_id).filter_by(**conditions)
    if statuses is not None:
        statement = statement.where(CallRow.status.in_(statuses))
    return await page_after(session, statement, CallRow.id, after_id, limit)


async def exchange_counts(session: AsyncSession, project_id: str, call_ids: Sequence[str]) -> dict[str, int]:
    """How often, in each of these calls, the caller said something and was heard an answer to it."""
    exchanges = select(TranscriptRow.call_id, func.count()).where(
        TranscriptRow.project_id == project_id,
        TranscriptRow.call_id.in_(call_ids),
        TranscriptRow.caller != "",
        TranscriptRow.agent != "",
    )
    counted = await session.execute(exchanges.group_by(TranscriptRow.call_id))
    return {each[0]: each[1] for each in counted}


async def live_count(session: AsyncSession, project_id: str) -> int:
    """How many of the project's calls have not ended."""
    running = select(func.count()).where(CallRow.project_id == project_id, CallRow.status.not_in(ENDED))
    return await session.scalar(running) or 0
