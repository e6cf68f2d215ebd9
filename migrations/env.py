"""What alembic runs: with the connection `parley migrate` holds, or, started as `alembic`, one of its own."""

from __future__ import annotations

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from parley.storage.database import create_engine
from parley.storage.tables import Row


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Row.metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


async def run_from_command_line() -> None:
    engine = create_engine(os.environ["PARLEY_DATABASE_URL"], pool_size=1, command_timeout_s=None)
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


held = context.config.attributes.get("connection")
if held is None:
    asyncio.run(run_from_command_line())
else:
    run(held)
