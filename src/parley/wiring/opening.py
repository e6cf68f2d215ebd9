"""What a server and a command alike open first: the database with the right schema, and the cipher."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy.exc import SQLAlchemyError

from parley.domain.errors import ConfigurationError
from parley.settings import Settings
from parley.storage.cipher import Cipher, secret_key_in
from parley.storage.database import Database
from parley.storage.embedded import embedded_postgres
from parley.storage.migrations import migrate, require_current


@asynccontextmanager
async def opened_database(settings: Settings) -> AsyncIterator[Database]:
    """The database with the schema this version needs: the embedded one is migrated, another one is only checked.

    Raises ConfigurationError with the command to run, or what stands in the way.
    """
    async with AsyncExitStack() as stack:
        if settings.database_url is None:
            url = await stack.enter_async_context(embedded_postgres(settings.data_dir))
            await migrate(url)
        else:
            url = settings.database_url
            await _checked(url)
        database = Database(url)
        stack.push_async_callback(database.close)
        yield database


async def migrated(settings: Settings) -> str:
    """Migrate the configured database, embedded or not, and return its revision. Raises ConfigurationError."""
    if settings.database_url is None:
        async with embedded_postgres(settings.data_dir) as url:
            return await migrate(url)
    try:
        return await migrate(settings.database_url)
    except (OSError, TimeoutError, SQLAlchemyError) as error:
        raise ConfigurationError(
            f"The database at PARLEY_DATABASE_URL could not be migrated ({type(error).__name__}). Check that it runs,"
            " and that its user may create tables."
        ) from error


async def _checked(url: str) -> None:
    try:
        await require_current(url)
    except (OSError, TimeoutError, SQLAlchemyError) as error:
        raise ConfigurationError(
            f"The database at PARLEY_DATABASE_URL does not answer ({type(error).__name__}). Check that it runs, and the"
            " host, user, password and database name."
        ) from error


def cipher_for(settings: Settings) -> Cipher:
    """Seals with PARLEY_SECRET_KEY, else with a key kept in the data folder."""
    try:
        return Cipher.from_setting(settings.secret_key or secret_key_in(settings.data_dir))
    except OSError as error:
        raise ConfigurationError(
            f"The key in {settings.data_dir} cannot be used ({error.strerror}). Let this user read and write that"
            " folder, or set PARLEY_SECRET_KEY."
        ) from None
