"""Every test that asks for `database` gets one of its own, cloned from a template that the real migrations built.

The server is the embedded Postgres in a temporary folder, or the one `TEST_DATABASE_URL` names.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from parley.domain.secrets import Secret
from parley.storage.cipher import Cipher
from parley.storage.database import Database, normalise_url
from parley.storage.embedded import EmbeddedPostgres
from parley.storage.migrations import migrate


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server this test session may create databases on."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield normalise_url(given)
        return
    folder = Path(tempfile.mkdtemp(prefix="parley-test-"))
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    yield server.url
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def administration(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(postgres_url, isolation_level="AUTOCOMMIT", pool_size=2)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
async def template_database(postgres_url: str, administration: AsyncEngine) -> AsyncIterator[str]:
    async for url in _fresh_database(postgres_url, administration):
        await migrate(_text(url))
        assert url.database is not None
        yield url.database


@pytest.fixture
async def empty_database_url(postgres_url: str, administration: AsyncEngine) -> AsyncIterator[str]:
    """A database without any table."""
    async for url in _fresh_database(postgres_url, administration):
        yield _text(url)


@pytest.fixture
async def database_url(postgres_url: str, administration: AsyncEngine, template_database: str) -> AsyncIterator[str]:
    """A migrated, empty database of this test's own."""
    async for url in _fresh_database(postgres_url, administration, template_database):
        yield _text(url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def cipher() -> Cipher:
    """Made once: stretching a key takes a while on purpose."""
    return Cipher([Secret("a key for tests alone")])


async def _fresh_database(server_url: str, administration: AsyncEngine, template: str = "") -> AsyncIterator[URL]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    like = f"TEMPLATE {template} STRATEGY file_copy" if template else ""
    async with administration.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name} {like}"))
    yield make_url(server_url).set(database=name)
    async with administration.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
