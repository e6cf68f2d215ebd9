"""Queries about projects and their keys."""

from __future__ import annotations

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from parley.domain.ids import new_id
from parley.storage.lookup import find
from parley.storage.tables import ApiKeyRow, ProjectRow


async def ensure(session: AsyncSession, name: str) -> ProjectRow:
    """The project of that name, made if there is none, and locked until the transaction ends."""
    await session.execute(insert(ProjectRow).values(id=new_id("proj"), name=name).on_conflict_do_nothing())
    rows = await session.scalars(select(ProjectRow).where(ProjectRow.name == name).with_for_update())
    return rows.one()


async def get(session: AsyncSession, project_id: str, *, lock: bool = False) -> ProjectRow:
    """The project an API key opened."""
    statement = select(ProjectRow).where(ProjectRow.id == project_id)
    return await find(session, statement.with_for_update() if lock else statement, "project", project_id)


async def named(session: AsyncSession, name: str) -> ProjectRow | None:
    """The project of that name, locked until the transaction ends: for the operator alone."""
    rows = await session.scalars(select(ProjectRow).where(ProjectRow.name == name).with_for_update())
    return rows.one_or_none()


async def all_projects(session: AsyncSession) -> list[ProjectRow]:
    """In the order they were made: for the operator alone."""
    return list(await session.scalars(select(ProjectRow).order_by(ProjectRow.created_at, ProjectRow.id)))


async def put_environment_key(session: AsyncSession, project_id: str, key_hash: bytes, prefix: str) -> ApiKeyRow:
    """Make this the project's one key from the environment. The row returned may be another project's."""
    await session.execute(
        delete(ApiKeyRow).where(
            ApiKeyRow.project_id == project_id, ApiKeyRow.source == "environment", ApiKeyRow.key_hash != key_hash
        )
    )
    wanted = insert(ApiKeyRow).values(
        id=new_id("key"), project_id=project_id, key_hash=key_hash, prefix=prefix, source="environment"
    )
    await session.execute(wanted.on_conflict_do_nothing(index_elements=[ApiKeyRow.key_hash]))
    rows = await session.scalars(select(ApiKeyRow).where(ApiKeyRow.key_hash == key_hash))
    return rows.one()


async def opened_by(session: AsyncSession, key_hash: bytes) -> tuple[str, str] | None:
    """The project an unrevoked key opens, and the key's own id."""
    statement = select(ApiKeyRow.project_id, ApiKeyRow.id)
    found = await session.execute(statement.where(ApiKeyRow.key_hash == key_hash, ApiKeyRow.revoked_at.is_(None)))
    return next(((project_id, key_id) for project_id, key_id in found), None)


async def is_key_valid(session: AsyncSession, key_id: str) -> bool:
    """Whether there is such a key and it was not revoked."""
    found = select(ApiKeyRow.id).where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
    return await session.scalar(found) is not None


async def all_keys(session: AsyncSession) -> list[ApiKeyRow]:
    """Of all projects, oldest first: for the operator alone."""
    statement = select(ApiKeyRow).options(selectinload(ApiKeyRow.project)).order_by(ApiKeyRow.created_at, ApiKeyRow.id)
    return list(await session.scalars(statement))


async def keys_named(session: AsyncSession, name: str, key_hash: bytes) -> list[ApiKeyRow]:
    """The keys an operator may mean: by id, by the key itself, or by how it begins."""
    matches = or_(
        ApiKeyRow.id == name, ApiKeyRow.key_hash == key_hash, ApiKeyRow.prefix.startswith(name, autoescape=True)
    )
    return list(await session.scalars(select(ApiKeyRow).where(matches).options(selectinload(ApiKeyRow.project))))


async def restore_key(session: AsyncSession, key: ApiKeyRow) -> None:
    """A revoked key opens its project again."""
    await session.execute(update(ApiKeyRow).where(ApiKeyRow.id == key.id).values(revoked_at=None))
