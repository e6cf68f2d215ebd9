"""Queries about requests with an Idempotency-Key: which was the first, and what came of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.tables import IdempotencyRow


async def get(session: AsyncSession, project_id: str, key: str) -> IdempotencyRow | None:
    """What is known of the key, also if it is too old to count."""
    statement = select(IdempotencyRow).where(*_at(project_id, key))
    return await session.scalar(statement.execution_options(populate_existing=True))


async def claim(
    session: AsyncSession, project_id: str, key: str, fingerprint: bytes, now: datetime, kept_since: datetime
) -> bool:
    """Make this request the key's first; False when another one is. A row from before `kept_since` is taken over."""
    fresh = {"fingerprint": fingerprint, "status": None, "sealed_body": None, "created_at": now}
    wanted = insert(IdempotencyRow).values(project_id=project_id, key=key, **fresh)
    taking = wanted.on_conflict_do_update(
        index_elements=[IdempotencyRow.project_id, IdempotencyRow.key],
        set_=fresh,
        where=IdempotencyRow.created_at < kept_since,
    )
    return await session.scalar(taking.returning(IdempotencyRow.key)) is not None


async def settle(session: AsyncSession, project_id: str, key: str, status: int, sealed_body: bytes | None) -> None:
    """Keep the first request's answer; without a body it is only known that there is none to be had."""
    waiting = update(IdempotencyRow).where(*_at(project_id, key), IdempotencyRow.status.is_(None))
    await session.execute(waiting.values(status=status, sealed_body=sealed_body))


async def free(session: AsyncSession, project_id: str, key: str) -> None:
    """Forget a first request that did nothing."""
    await session.execute(delete(IdempotencyRow).where(*_at(project_id, key), IdempotencyRow.status.is_(None)))


def _at(project_id: str, key: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return IdempotencyRow.project_id == project_id, IdempotencyRow.key == key
