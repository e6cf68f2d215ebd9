"""Projects and the keys that open them."""

from __future__ import annotations

from parley.domain.secrets import Secret
from parley.services.defaults import Clock, utc_now
from parley.storage.database import Database
from parley.storage.tables import ApiKeyRow

DEFAULT_PROJECT = "default"


class Projects:
    """A key is shown once, when it is made; only its SHA-256 is kept."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def ensure_default(self, api_key: Secret | None) -> str:
        """Make the default project exist and, if given, `api_key` its one key from the environment; returns its id.

        Safe to run at every start and from several servers at once. Raises ConfigurationError when the key already
        opens another project.
        """
        raise NotImplementedError

    async def create_key(self, project_name: str) -> tuple[ApiKeyRow, Secret]:
        """Make a key for the project of that name, making the project too if there is none. Reveal it once."""
        raise NotImplementedError

    async def list_keys(self) -> list[ApiKeyRow]:
        """All keys with their `project` loaded, oldest first."""
        raise NotImplementedError

    async def revoke_key(self, key: str) -> ApiKeyRow:
        """Revoke by id or by an unambiguous prefix. Raises NotFound or Conflict (several keys match)."""
        raise NotImplementedError

    async def authenticate(self, plain: str) -> str:
        """The id of the project that the key opens. Raises Unauthorized."""
        raise NotImplementedError
