"""Committing, rolling back, and refusing what is not Postgres."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.pool import QueuePool

from parley.domain.errors import ConfigurationError
from parley.storage.database import Database, create_engine, normalise_url
from parley.storage.tables import ProjectRow


async def count(database: Database) -> int:
    async with database.read() as session:
        return (await session.execute(select(func.count()).select_from(ProjectRow))).scalar_one()


async def test_a_transaction_is_kept_when_its_block_ends(database: Database) -> None:
    async with database.transaction() as session:
        session.add(ProjectRow(id="proj_1", name="one"))

    assert await count(database) == 1


async def test_a_transaction_leaves_nothing_when_its_block_raises(database: Database) -> None:
    async def interrupted() -> None:
        async with database.transaction() as session:
            session.add(ProjectRow(id="proj_1", name="one"))
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await interrupted()

    assert await count(database) == 0


async def test_what_a_reading_session_writes_is_dropped(database: Database) -> None:
    async with database.read() as session:
        session.add(ProjectRow(id="proj_1", name="one"))
        await session.flush()

    assert await count(database) == 0


@pytest.mark.parametrize(
    "spelled",
    [
        "postgres://parley:pass@db:5432/parley",
        "postgresql://parley:pass@db:5432/parley",
        "postgresql+asyncpg://parley:pass@db:5432/parley",
    ],
)
def test_usual_spellings_of_a_url_reach_the_one_driver(spelled: str) -> None:
    assert normalise_url(spelled) == "postgresql+asyncpg://parley:pass@db:5432/parley"


def test_libpq_spells_encryption_otherwise() -> None:
    assert normalise_url("postgresql://db/x?sslmode=require") == "postgresql+asyncpg://db/x?ssl=require"


@pytest.mark.parametrize("wrong", ["", "not a url", "sqlite:///x.db", "mysql://h/d"])
def test_anything_else_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="PARLEY_DATABASE_URL"):
        normalise_url(wrong)


async def test_a_url_may_ask_for_more_patience() -> None:
    engine = create_engine("postgresql://db/x?ssl=require&connect_timeout=30&pool_timeout=7")
    assert dict(engine.url.query) == {"ssl": "require"}
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.timeout() == 7
    with pytest.raises(ConfigurationError, match="command_timeout"):
        create_engine("postgresql://db/x?command_timeout=soon")
