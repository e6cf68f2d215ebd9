"""Queries about credentials."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.lookup import find, page
from parley.storage.tables import CredentialRow


async def get(session: AsyncSession, project_id: str, credential_id: str) -> CredentialRow:
    statement = select(CredentialRow).where(CredentialRow.project_id == project_id, CredentialRow.id == credential_id)
    return await find(session, statement, "credential", credential_id)


async def for_providers(session: AsyncSession, project_id: str, providers: Collection[str]) -> list[CredentialRow]:
    """The project's credentials for these providers, newest first."""
    statement = select(CredentialRow).where(
        CredentialRow.project_id == project_id, CredentialRow.provider.in_(providers)
    )
    return list(await session.scalars(statement.order_by(CredentialRow.created_at.desc(), CredentialRow.id.desc())))


async def list_page(
    session: AsyncSession, project_id: str, provider: str | None, limit: int, offset: int
) -> tuple[list[CredentialRow], int]:
    """Newest first."""
    statement = select(CredentialRow).where(CredentialRow.project_id == project_id)
    if provider is not None:
        statement = statement.where(CredentialRow.provider == provider)
    ordered = statement.order_by(CredentialRow.created_at.desc(), CredentialRow.id.desc())
    return await page(session, ordered, limit, offset)
