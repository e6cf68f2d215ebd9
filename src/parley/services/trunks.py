"""SIP trunks: kept with their passwords sealed until there is something to register with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.domain.errors import BadInput, FieldError
from parley.domain.ids import new_id
from parley.domain.secrets import Secret
from parley.schemas.pages import CursorQuery
from parley.schemas.trunks import TrunkCreate, TrunkUpdate, default_port
from parley.services.defaults import Clock, utc_now
from parley.storage import trunks
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.lookup import Slice
from parley.storage.tables import TrunkRow


class Trunks:
    """A foreign or unknown id is NotFound everywhere."""

    def __init__(self, database: Database, cipher: Cipher, clock: Clock = utc_now) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock

    async def create(self, project_id: str, wanted: TrunkCreate) -> TrunkRow:
        """Raises BadInput when it shall register and has no user name or password."""
        now = self._clock()
        row = TrunkRow(id=new_id("trunk"), project_id=project_id, created_at=now, updated_at=now)
        fields = ("name", "sip_domain", "registration_required", "transport", "codec_preferences")
        unset: dict[str, Any] = {"username": None, "password": None, "proxy": None}
        chosen = {name: getattr(wanted, name) for name in fields}
        self._apply(row, unset | chosen | {"port": default_port(wanted.transport)} | _meant(wanted.sent()))
        async with self._database.transaction() as session:
            session.add(row)
        return row

    async def get(self, project_id: str, trunk_id: str) -> TrunkRow:
        async with self._database.read() as session:
            return await trunks.get(session, project_id, trunk_id)

    async def update(self, project_id: str, trunk_id: str, change: TrunkUpdate) -> TrunkRow:
        """Change only the fields that were sent; the password stays unless another one, or null, is sent."""
        async with self._database.transaction() as session:
            row = await trunks.get(session, project_id, trunk_id, lock=True)
            self._apply(row, _meant(change.sent()))
            row.updated_at = self._clock()
        return row

    async def delete(self, project_id: str, trunk_id: str) -> None:
        async with self._database.transaction() as session:
            await session.delete(await trunks.get(session, project_id, trunk_id, lock=True))

    async def list(self, project_id: str, query: CursorQuery) -> Slice[TrunkRow]:
        """One page, newest first."""
        async with self._database.read() as session:
            return await trunks.list_after(session, project_id, query.after_id, query.count)

    def _apply(self, row: TrunkRow, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if name == "password":
                row.sealed_password = self._cipher.seal(Secret(value), row.project_id, row.id) if value else None
            else:
                setattr(row, name, value)
        if row.registration_required:
            _require(row.username, "authUsername")
            _require(row.sealed_password, "authPassword")


def _meant(sent: Mapping[str, Any]) -> dict[str, Any]:
    """A port that is null means the transport's own, which is what stands there already."""
    return {name: value for name, value in sent.items() if name != "port" or value is not None}


def _require(value: object, field: str) -> None:
    if value is None:
        message = "is required when registration is required"
        raise BadInput(f"`{field}` {message}.", [FieldError(field, message)])
