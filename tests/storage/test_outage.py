"""A database that is away is one kind of error, whatever the driver calls it."""

from __future__ import annotations

import asyncio
import socket

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

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
            async with asyncio.timeout(4):
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
