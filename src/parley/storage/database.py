"""The door to Postgres: reading, and the one place where anything is committed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from parley.domain.errors import ConfigurationError, Unavailable

CONNECT_TIMEOUT_S = 2.0
COMMAND_TIMEOUT_S = 5.0
POOL_TIMEOUT_S = 5.0

# Connecting raises the driver's own errors, unwrapped: "the database system is starting up" is one of them.
_AWAY = (
    OSError,
    TimeoutError,
    PoolTimeout,
    OperationalError,
    InterfaceError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)

# Connection lost, transaction rolled back (a deadlock), out of connections or memory, shut down by an operator
# (postgresql.org/docs/current/errcodes-appendix.html).
_PASSING_STATES = ("08", "40", "53", "57")


def normalise_url(url: str) -> str:
    """Any usual spelling of a Postgres URL, spelled for the asyncpg driver. Raises ConfigurationError."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError("PARLEY_DATABASE_URL must be a Postgres URL like postgresql://user@host/database.")
    query = dict(parsed.query)
    if "sslmode" in query:  # libpq's word; asyncpg knows the same values as `ssl`
        query["ssl"] = query.pop("sslmode")
    return parsed.set(drivername="postgresql+asyncpg", query=query).render_as_string(hide_password=False)


def create_engine(url: str, *, pool_size: int = 10, command_timeout_s: float | None = COMMAND_TIMEOUT_S) -> AsyncEngine:
    """An engine whose connections fail fast, and are tested before use so that a restarted Postgres is no error.

    `pool_size` bounds all connections; who finds them busy waits 5 s at most. A URL may ask for more patience with
    `connect_timeout` (libpq's word), `command_timeout` and `pool_timeout`, in seconds.
    """
    parsed = make_url(normalise_url(url))
    connect_s = _seconds(parsed, "connect_timeout", CONNECT_TIMEOUT_S)
    if command_timeout_s is not None:
        command_timeout_s = _seconds(parsed, "command_timeout", command_timeout_s)
    return create_async_engine(
        parsed.difference_update_query(["connect_timeout", "command_timeout", "pool_timeout"]),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_seconds(parsed, "pool_timeout", POOL_TIMEOUT_S),
        pool_pre_ping=True,
        hide_parameters=True,  # error texts reach logs, and parameters hold phone numbers and what was said
        connect_args={"timeout": connect_s, "command_timeout": command_timeout_s},
    )


def _seconds(url: URL, name: str, otherwise: float) -> float:
    given = url.query.get(name, otherwise)
    try:
        return float(given)  # type: ignore[arg-type]  # a tuple, for a name that comes twice, is refused below
    except (TypeError, ValueError):
        raise ConfigurationError(f"{name} in PARLEY_DATABASE_URL must be a number of seconds.") from None


@contextmanager
def _outages_named() -> Iterator[None]:
    """What the driver and the pool raise when Postgres is away, slow or restarting becomes Unavailable."""
    try:
        yield
    except _AWAY as error:
        raise Unavailable("The database does not answer. Try again in a moment.") from error
    except DBAPIError as error:
        if not _is_passing(error):
            raise
        raise Unavailable("The connection to the database broke. Try again in a moment.") from error


def _is_passing(error: DBAPIError) -> bool:
    """Whether the same may work soon: nothing could be asked yet, the connection broke, or Postgres had to refuse."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or error.statement is None or state.startswith(_PASSING_STATES)


class Database:
    """A pool of connections. Rows stay readable after their session has ended.

    Everything here raises Unavailable while Postgres cannot be reached.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self._engine = create_engine(url, pool_size=pool_size)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """All of it or nothing: committed when the block ends, rolled back when it raises."""
        with _outages_named():
            async with AsyncSession(self._engine, expire_on_commit=False) as session:
                yield session
                await session.commit()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for queries alone: nothing done in it is kept."""
        with _outages_named():
            async with AsyncSession(self._engine, expire_on_commit=False) as session:
                yield session

    async def ping(self) -> None:
        """Ask for nothing, to see whether the database answers."""
        with _outages_named():
            async with self._engine.connect() as connection:
                await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._engine.dispose()
