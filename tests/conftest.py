"""Every test that asks for `database` gets one of its own, cloned from a template that the real migrations built.

Cloning takes longer than most tests, so a database is emptied afterwards and given to a later test. The server is the
embedded Postgres in a temporary folder, shared by all processes of a run, or the one `TEST_DATABASE_URL` names.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from parley.domain.secrets import Secret
from parley.storage.cipher import Cipher
from parley.storage.database import Database, normalise_url
from parley.storage.embedded import EmbeddedPostgres
from parley.storage.migrations import migrate
from tests.patience import patient

pytest_plugins = ["tests.searching", "tests.order"]


@dataclass(frozen=True)
class Lent:
    """A database and a pool of connections to it: opening them, and compiling each statement anew, would take longer
    than most tests."""

    name: str
    url: str
    opened: Database


_TEMPLATE = "migrated"
_FOLDER = "parley_folder"
_FOLDER_KEY = pytest.StashKey[Path]()


def pytest_configure() -> None:
    """Tests run on the event loop that the server runs on: it differs from asyncio's own in more than speed."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def pytest_collection() -> None:
    gc.disable()  # nothing of what is collected goes away


def pytest_collection_finish() -> None:
    """As the server does once it is built: what lives as long as the process is never walked by the collector again,
    and the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Before a worker process begins: tell it of the folder that all of them use."""
    node.workerinput[_FOLDER] = str(_run_folder(node.config))


def pytest_unconfigure(config: pytest.Config) -> None:
    """The end of the run, or of a worker, which has left the server by now. Who made the folder takes it away."""
    folder = config.stash.get(_FOLDER_KEY, None)
    if folder is not None:
        shutil.rmtree(folder)


def _run_folder(config: pytest.Config) -> Path:
    """What the processes of this run share."""
    given = getattr(config, "workerinput", {}).get(_FOLDER)
    if given is not None:
        return Path(given)
    if _FOLDER_KEY not in config.stash:
        folder = config.stash[_FOLDER_KEY] = Path(tempfile.mkdtemp(prefix="parley-test-"))
        folder.chmod(0o755)
    return config.stash[_FOLDER_KEY]


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server this test session may create databases on."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield normalise_url(given)
        return
    server = EmbeddedPostgres(_run_folder(request.config), durable=False)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
async def administration(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(postgres_url, isolation_level="AUTOCOMMIT", pool_size=2)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
async def template_database(
    request: pytest.FixtureRequest, postgres_url: str, administration: AsyncEngine
) -> AsyncIterator[str]:
    """The name of a migrated database to clone: one for all processes of a run, made by the first that asks for it."""
    if "TEST_DATABASE_URL" in os.environ:
        async for url in _fresh_database(postgres_url, administration):
            await migrate(patient(url))
            assert url.database is not None
            yield url.database
        return
    with (_run_folder(request.config) / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        async with administration.connect() as connection:
            is_made = await connection.scalar(text(f"SELECT 1 FROM pg_database WHERE datname = '{_TEMPLATE}'"))
        if not is_made:
            name = await _clone(administration, "template1")
            await migrate(patient(make_url(postgres_url).set(database=name)))
            await _run(administration, f"ALTER DATABASE {name} RENAME TO {_TEMPLATE}")
    yield _TEMPLATE


@pytest.fixture
async def empty_database_url(postgres_url: str, administration: AsyncEngine) -> AsyncIterator[str]:
    """A database without any table."""
    async for url in _fresh_database(postgres_url, administration):
        yield patient(url)


@pytest.fixture(scope="session")
async def spare_databases(administration: AsyncEngine) -> AsyncIterator[list[Lent]]:
    """Migrated, empty databases that no test is using."""
    spare: list[Lent] = []
    yield spare
    for each in spare:
        await each.opened.close()
        await _run(administration, f"DROP DATABASE {each.name} WITH (FORCE)")


@pytest.fixture
async def lent(
    postgres_url: str, administration: AsyncEngine, template_database: str, spare_databases: list[Lent]
) -> AsyncIterator[Lent]:
    """A migrated, empty database that is this test's own as long as it runs."""
    if spare_databases:
        mine = spare_databases.pop()
    else:
        name = await _clone(administration, template_database)
        url = patient(make_url(postgres_url).set(database=name))
        mine = Lent(name, url, Database(url))
    yield mine
    await _leave_alone(administration, mine)
    async with mine.opened.transaction() as session:
        await session.execute(text("DELETE FROM projects"))  # every row belongs to a project, and goes with it
    spare_databases.append(mine)


@pytest.fixture
def database_url(lent: Lent) -> str:
    """For what opens the database itself."""
    return lent.url


@pytest.fixture
def database(lent: Lent) -> Database:
    return lent.opened


@pytest.fixture(scope="session")
def cipher() -> Cipher:
    """Made once: stretching a key takes a while on purpose."""
    return Cipher([Secret("a key for tests alone")])


async def _leave_alone(administration: AsyncEngine, lent: Lent) -> None:
    """End every connection but the idle ones of the pool; these as well if a test broke or kept one of them."""
    pool = lent.opened._engine.pool
    assert isinstance(pool, QueuePool)
    connected = f"FROM pg_stat_activity WHERE datname = '{lent.name}' AND backend_type = 'client backend'"
    async with administration.connect() as connection:
        if pool.checkedout() == 0 and await connection.scalar(text(f"SELECT count(*) {connected}")) == pool.checkedin():
            return
        await lent.opened.close()
        await connection.execute(text(f"SELECT pg_terminate_backend(pid) {connected}"))


async def _fresh_database(server_url: str, administration: AsyncEngine) -> AsyncIterator[URL]:
    name = await _clone(administration, "template1")
    yield make_url(server_url).set(database=name)
    await _run(administration, f"DROP DATABASE {name} WITH (FORCE)")


async def _clone(administration: AsyncEngine, template: str) -> str:
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _run(administration, f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


async def _run(administration: AsyncEngine, statement: str) -> None:
    async with administration.connect() as connection:
        await connection.execute(text(statement))
