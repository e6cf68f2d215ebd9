"""Bringing a database's schema to what this version needs.

The steps lie in `migrations/`: inside the package when it was installed, at the top of the repository in a clone.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from parley.domain.errors import ConfigurationError
from parley.storage.database import create_engine

_LOCK = 0x7061726C6579  # "parley": one migration at a time in a database, whoever starts it


async def migrate(url: str) -> str:
    """Run the missing steps, all or none, and return the revision the database is at now.

    Safe to start from several places at once: the others wait, then find nothing to do.
    """
    engine = create_engine(url, pool_size=1, command_timeout_s=None)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()
    return head_revision()


async def current_revision(url: str) -> str | None:
    """The revision the database is at; None for one that was never migrated."""
    engine = create_engine(url, pool_size=1)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    finally:
        await engine.dispose()


def head_revision() -> str:
    """The revision this version of parley needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "there is at least one migration"
    return head


async def require_current(url: str) -> None:
    """Raises ConfigurationError, with the command to run, unless the database is at this version's revision."""
    current, needed = await current_revision(url), head_revision()
    if current == needed:
        return
    known = {step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current is not None and current not in known:
        raise ConfigurationError(
            f"The database is at schema {current}, which is newer than this parley ({needed}); run the newer version."
        )
    raise ConfigurationError(
        f"The database is at schema {current or 'none'} and this parley needs {needed}; run `parley migrate` first."
    )


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    package = Path(__file__).parents[1]
    for home in (package / "migrations", package.parents[1] / "migrations"):
        if (home / "env.py").exists():
            config = Config()
            config.set_main_option("script_location", str(home).replace("%", "%%"))
            return config
    raise ConfigurationError("The migrations are missing from this installation; install parley again.")
