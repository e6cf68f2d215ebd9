"""The schema is built by migrations alone, once, and an old or newer one is told apart."""

from __future__ import annotations

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from parley.domain.errors import ConfigurationError
from parley.storage.database import create_engine
from parley.storage.migrations import current_revision, head_revision, migrate, require_current
from parley.storage.tables import Row


async def test_an_empty_database_is_refused_until_it_is_migrated(empty_database_url: str) -> None:
    assert await current_revision(empty_database_url) is None
    with pytest.raises(ConfigurationError, match="parley migrate"):
        await require_current(empty_database_url)

    await migrate(empty_database_url)

    assert await current_revision(empty_database_url) == head_revision()
    await require_current(empty_database_url)


async def test_migrations_started_from_many_places_run_once(empty_database_url: str) -> None:
    results = await asyncio.gather(*(migrate(empty_database_url) for _ in range(6)))

    assert set(results) == {head_revision()}
    await require_current(empty_database_url)


async def test_a_newer_schema_is_refused(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    engine = create_engine(empty_database_url, pool_size=1)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    await engine.dispose()

    with pytest.raises(ConfigurationError, match="newer"):
        await require_current(empty_database_url)


async def test_migrations_build_exactly_the_tables(database_url: str) -> None:
    engine = create_engine(database_url, pool_size=1)
    async with engine.connect() as connection:
        difference = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_server_default": True}), Row.metadata
            )
        )
    await engine.dispose()

    assert difference == []


async def test_every_table_but_the_projects_belongs_to_one(database_url: str) -> None:
    """Directly, or through the call it belongs to: deleting a project leaves nothing behind."""
    owned = {"projects"}
    while True:
        more = {
            table.name
            for table in Row.metadata.tables.values()
            for key in table.foreign_keys
            if key.column.table.name in owned and key.ondelete == "CASCADE" and not key.parent.nullable
        }
        if more <= owned:
            break
        owned |= more
    assert owned == set(Row.metadata.tables)
