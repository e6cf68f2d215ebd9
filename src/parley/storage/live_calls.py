"""Queries for whoever watches calls as they happen: the calls that are not over, and the tickets to watch them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.calls import ENDED
from parley.storage import projects
from parley.storage.lookup import find
from parley.storage.tables import CallRow, LiveTokenRow


async def unfinished(session: AsyncSession, project_id: str, limit: int) -> list[CallRow]:
    """A project's calls that are not over, newest first; test calls too."""
    statement = select(CallRow).where(CallRow.project_id == project_id, CallRow.status.not_in(ENDED))
    return list(await session.scalars(statement.order_by(CallRow.created_at.desc(), CallRow.id.desc()).limit(limit)))


async def one(session: AsyncSession, project_id: str, call_id: str) -> CallRow:
    """Without its transcript. Raises NotFound."""
    statement = select(CallRow).where(CallRow.project_id == project_id, CallRow.id == call_id)
    return await find(session, statement.execution_options(populate_existing=True), "call", call_id)


# ---------------------------------------------------------------- tickets


async def count_tokens(session: AsyncSession, project_id: str, now: datetime) -> int:
    """How many of a project's tickets may still be used; those that may not any more go at the same time."""
    await session.execute(
        delete(LiveTokenRow).where(LiveTokenRow.project_id == project_id, LiveTokenRow.expires_at <= now)
    )
    held = select(func.count()).select_from(LiveTokenRow).where(LiveTokenRow.project_id == project_id)
    return await session.scalar(held) or 0


async def use_token(session: AsyncSession, token_hash: bytes, now: datetime) -> LiveTokenRow | None:
    """The ticket, once: of any number of simultaneous attempts one gets it, the others None.

    One that is too old is nothing any more, and so is one whose key was revoked.
    """
    taken = delete(LiveTokenRow).where(LiveTokenRow.token_hash == token_hash).returning(LiveTokenRow)
    row = (await session.execute(taken)).scalar_one_or_none()
    if row is None or row.expires_at <= now:
        return None
    return row if await projects.is_key_valid(session, row.key_id) else None
