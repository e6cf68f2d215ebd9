"""A database that is away is one kind of error, whatever the driver calls it."""

from __future__ import annotations

import asyncio
import socket

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from parley.domain.errors import Unavailable
from parley.storage.database import Database


async def test_a_refused_connection_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    database = Database(f"postgresql://nobody@127.0.0.1:{port}/none")
    with pytest.raises(Unavailable):
        await database.ping()
    with pytest.raises(Unavailable):
        async with database.read() as session:
            await session.execute(text("SELECT 1"))


async def test_a_silent_server_is_unavailable_within_the_connect_timeout() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unavailable):
            async with asyncio.timeout(30):
                await Database(f"postgresql://nobody@127.0.0.1:{port}/none").ping()


async def test_a_connection_killed_in_mid_transaction_is_unavailable(database: Database) -> None:
    with pytest.raises(Unavailable):
        async with database.transaction() as session:
            await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    await database.ping()


async def test_other_database_errors_keep_their_name(database: Database) -> None:
    with pytest.raises(IntegrityError) as caught:
        async with database.transaction() as session:
            await session.execute(
                text("INSERT INTO projects (id, name) VALUES ('p1', :n), ('p1', :n)"), {"n": "private"}
            )
    assert "private" not in str(caught.value).split("DETAIL")[0]


async def test_a_server_that_restarts_is_unavailable_to_connections_of_before(
    database: Database, database_url: str, administration: AsyncEngine
) -> None:
    """What it answers then is worded by the driver, and wrapped by the pool that replaces a broken connection."""
    await database.ping()
    name = make_url(database_url).database
    async with administration.connect() as connection:
        await connection.execute(text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"))
        await connection.execute(
            text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        )
        try:
            with pytest.raises(Unavailable):
                await database.ping()
        finally:
            await connection.execute(text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true"))


async def test_the_loser_of_a_deadlock_may_try_again(database: Database) -> None:
    locked = [asyncio.Event(), asyncio.Event()]

    async def lock(first: int) -> None:
        async with database.transaction() as session:
            await session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": first})
            locked[first].set()
            await locked[1 - first].wait()
            await session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": 1 - first})

    outcomes = await asyncio.gather(lock(0), lock(1), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "Unavailable"]
