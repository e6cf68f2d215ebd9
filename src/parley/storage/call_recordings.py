"""Queries about which calls have a recording, where it is stored, and whether it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.lookup import find
from parley.storage.tables import AgentRow, CallRow, ProjectRow

ERASED: Final = ""
"""The key of a recording that was deleted for good: a part that turns up later is deleted too."""


async def get_locked(session: AsyncSession, project_id: str, call_id: str) -> CallRow:
    """The call, for a change of its recording. Raises NotFound."""
    statement = select(CallRow).where(CallRow.project_id == project_id, CallRow.id == call_id)
    return await find(session, statement.with_for_update(), "call", call_id)


async def with_recording_on(session: AsyncSession, call_ids: Sequence[str]) -> frozenset[str]:
    """Those calls whose agent (else their project) has recording switched on by now."""
    is_on = func.coalesce(AgentRow.recording_enabled, ProjectRow.recording_enabled)
    statement = (
        select(CallRow.id)
        .join(ProjectRow, ProjectRow.id == CallRow.project_id)
        .outerjoin(AgentRow, AgentRow.id == CallRow.agent_id)
        .where(CallRow.id.in_(call_ids), is_on)
    )
    return frozenset(await session.scalars(statement))


async def note(session: AsyncSession, call_id: str, before: str | None, key: str, size: int) -> bool:
    """Write where the recording is, unless the row no longer says `before`: then nothing changes, and it is False."""
    unchanged = CallRow.recording_key.is_(None) if before is None else CallRow.recording_key == before
    statement = update(CallRow).where(CallRow.id == call_id, unchanged).returning(CallRow.id)
    result = await session.execute(statement.values(recording_key=key, recording_bytes=size))
    return result.scalar_one_or_none() is not None
