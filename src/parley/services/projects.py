"""Projects and the keys that open them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from parley.domain.errors import BadInput, ConfigurationError, Conflict, NotFound, Unauthorized
from parley.domain.ids import new_id
from parley.domain.secrets import Secret
from parley.schemas.projects import ProjectUpdate
from parley.services.defaults import Clock, utc_now
from parley.storage import projects
from parley.storage.database import Database
from parley.storage.tables import ApiKeyRow, ProjectRow

DEFAULT_PROJECT = "default"
_KEY_PREFIX = "sk_live_"
_SHOWN_CHARS = 16
_SHORTEST_NAMED_CHARS = 10


@dataclass(frozen=True, slots=True)
class Opened:
    """The project that an API key opens, and the id by which logs name the key."""

    project_id: str
    key_id: str


class Projects:
    """A key is shown once, when it is made; only its SHA-256 is kept (32 random bytes need no slow hash)."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def ensure_default(self, api_key: Secret | None) -> str:
        """Make the default project exist and, if given, `api_key` its one key from the environment; returns its id.

        Safe to run at every start and from several servers at once. Without a key, an earlier one stays as it is.
        Raises ConfigurationError when the key already opens another project.
        """
        async with self._database.transaction() as session:
            project = await projects.ensure(session, DEFAULT_PROJECT)
            if api_key:
                plain = api_key.reveal()
                key = await projects.put_environment_key(session, project.id, _hash(plain), _shown(plain))
                if key.project_id != project.id:
                    raise ConfigurationError("PARLEY_API_KEY already opens another project; choose another key.")
                await projects.restore_key(session, key)
        return project.id

    async def get(self, project_id: str) -> ProjectRow:
        async with self._database.read() as session:
            return await projects.get(session, project_id)

    async def update(self, project_id: str, change: ProjectUpdate) -> ProjectRow:
        """Change only the fields that were sent. Calls in mid-air go on as they began."""
        async with self._database.transaction() as session:
            row = await projects.get(session, project_id, lock=True)
            for name in change.model_fields_set:
                setattr(row, name, getattr(change, name))
        return row

    async def list_all(self) -> list[ProjectRow]:
        """All projects, in the order they were made: for the operator alone."""
        async with self._database.read() as session:
            return await projects.all_projects(session)

    async def set_named(self, name: str, changes: Mapping[str, int | bool | None]) -> ProjectRow:
        """What the operator decides for a project: its limits (None: the server's hold) and whether it records.

        `changes` are by column, as in `number_limit`. Raises NotFound.
        """
        async with self._database.transaction() as session:
            row = await projects.named(session, name)
            if row is None:
                raise NotFound("There is no project of this name; `parley projects list` shows them all.")
            for column, value in changes.items():
                setattr(row, column, value)
        return row

    async def create_key(self, project_name: str) -> tuple[ApiKeyRow, Secret]:
        """Make a key for the project of that name, making the project too if there is none. Reveal it once."""
        name = project_name.strip()
        if not 0 < len(name) <= 200 or not name.isprintable():
            raise BadInput("A project's name has 1 to 200 printable characters.")
        plain = _KEY_PREFIX + secrets.token_hex(32)
        async with self._database.transaction() as session:
            project = await projects.ensure(session, name)
            key = ApiKeyRow(
                id=new_id("key"),
                project_id=project.id,
                key_hash=_hash(plain),
                prefix=_shown(plain),
                source="created",
                created_at=self._clock(),
            )
            key.project = project
            session.add(key)
        return key, Secret(plain)

    async def list_keys(self) -> list[ApiKeyRow]:
        """All keys with their `project` loaded, oldest first."""
        async with self._database.read() as session:
            return await projects.all_keys(session)

    async def revoke_key(self, key: str) -> ApiKeyRow:
        """Revoke by id, by the key itself, or by how it begins. Raises NotFound, or Conflict when several match."""
        if len(key) < _SHORTEST_NAMED_CHARS:
            raise BadInput("Name the key by its id or its first characters, as `parley keys list` shows them.")
        async with self._database.transaction() as session:
            found = await projects.keys_named(session, key, _hash(key))
            if not found:
                raise NotFound("There is no such key; `parley keys list` shows them all.")
            if len(found) > 1:
                raise Conflict("Several keys begin like this; name one by its id.")
            found[0].revoked_at = found[0].revoked_at or self._clock()
        return found[0]

    async def authenticate(self, plain: str) -> str:
        """The id of the project that the key opens. Raises Unauthorized."""
        return (await self.opened_by(plain)).project_id

    async def opened_by(self, plain: str) -> Opened:
        """What the key opens. Raises Unauthorized."""
        async with self._database.read() as session:
            opened = await projects.opened_by(session, _hash(plain))
        if opened is None:
            raise Unauthorized("This API key is not valid; send a key made with `parley keys create`.")
        return Opened(*opened)


def _hash(plain: str) -> bytes:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()


def _shown(plain: str) -> str:
    """Never more than half of a key that an operator chose short."""
    return plain[: min(_SHOWN_CHARS, len(plain) // 2)]
