"""Who answers which number, when, and how the number is reached: set per number, and for the whole project.

Here it is checked and kept. The agents that routing names have to be the project's own at that moment.
"""

from __future__ import annotations

import json
from typing import Any

from parley.domain.errors import Conflict
from parley.domain.secrets import Secret
from parley.schemas.numbers import NumberImport, ProviderConfig
from parley.schemas.pages import CursorQuery
from parley.schemas.routed_numbers import RoutedNumberImport, RoutedNumberUpdate
from parley.schemas.routing import NumberRoutingPut, ProjectRoutingPut
from parley.schemas.trunks import SipConfig, default_port
from parley.services.defaults import Clock, utc_now
from parley.services.numbers import Numbers, attach, hold_agent
from parley.services.routing_checks import checked, merged
from parley.storage import numbers, projects
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.lookup import Slice
from parley.storage.tables import NumberRow

_RELEASED = "This number was released; import it again to use it."


class Routing:
    """A foreign or unknown number is NotFound, and so is an agent or a queue that is named inside routing."""

    def __init__(self, database: Database, cipher: Cipher, registry: Numbers, clock: Clock = utc_now) -> None:
        self._database = database
        self._cipher = cipher
        self._numbers = registry
        self._clock = clock

    async def import_number(self, project_id: str, wanted: RoutedNumberImport, dialect: str) -> NumberRow:
        """Register a number, or update it, and set what was sent with it. Raises like `Numbers.import_`."""
        async with self._database.read() as session:
            await checked(session, project_id, wanted.routing_sent())
        names = NumberImport.model_fields.keys() & wanted.model_fields_set
        known = NumberImport.model_validate({name: getattr(wanted, name) for name in names})
        if wanted.sip_config is not None and wanted.provider_config is None and wanted.credential_id is None:
            # Reached by SIP alone: no account at the carrier is needed.
            known.provider_config = ProviderConfig(sip_domain=wanted.sip_config.sip_domain)
        row = await self._numbers.import_(project_id, known, dialect)
        if not wanted.model_fields_set & {"call_routing", "routing_config", "routing_rules", "sip_config"}:
            return row
        return await self.update_number(project_id, row.id, wanted)

    async def update_number(self, project_id: str, number_id: str, change: RoutedNumberUpdate) -> NumberRow:
        """Change only what was sent. Raises Conflict for a number that was released."""
        sent = change.model_fields_set
        async with self._database.transaction() as session:
            await hold_agent(session, project_id, change.agent_id)
            row = await numbers.get(session, project_id, number_id, lock=True)
            if row.status != "active":
                raise Conflict(_RELEASED)
            routing = await checked(session, project_id, change.routing_sent())
            if routing:
                row.routing = merged(row.routing, routing)
            if "agent_id" in sent:
                attach(row, change.agent_id, self._clock())
            if "friendly_name" in sent:
                row.friendly_name = change.friendly_name
            if "sip_config" in sent:
                self._connect(row, change.sip_config)
        return row

    async def list_numbers(self, project_id: str, query: CursorQuery) -> Slice[NumberRow]:
        """One page of the active numbers, newest first."""
        async with self._database.read() as session:
            return await numbers.list_after(session, project_id, query.after_id, query.count)

    async def get(self, project_id: str) -> dict[str, Any]:
        """What holds for all numbers of the project; empty where nothing was set."""
        async with self._database.read() as session:
            return (await projects.get(session, project_id)).routing or {}

    async def put(self, project_id: str, change: ProjectRoutingPut) -> dict[str, Any]:
        """Change what was sent and keep the rest; returns all of it."""
        async with self._database.transaction() as session:
            project = await projects.get(session, project_id, lock=True)
            routing = await checked(session, project_id, change.routing_sent())
            project.routing = merged(project.routing, routing)
        return project.routing or {}

    async def put_on_number(self, project_id: str, number_id: str, change: NumberRoutingPut) -> NumberRow:
        """Change what was sent of a number's own routing. Raises Conflict for a number that was released."""
        async with self._database.transaction() as session:
            row = await numbers.get(session, project_id, number_id, lock=True)
            if row.status != "active":
                raise Conflict(_RELEASED)
            row.routing = merged(row.routing, await checked(session, project_id, change.routing_sent()))
        return row

    async def put_voicemail_message(self, project_id: str, number_id: str, text: str | None) -> NumberRow:
        """The number's own words for callers who are asked for a message; None for the usual ones."""
        async with self._database.transaction() as session:
            row = await numbers.get(session, project_id, number_id, lock=True)
            row.routing = merged(row.routing, {"voicemail_message": text})
        return row

    # ------------------------------------------------------------ steps

    def _connect(self, row: NumberRow, config: SipConfig | None) -> None:
        """Without a password in it, the one that was set before stays."""
        if config is None:
            row.sip_config = row.sealed_config = None
            return
        shown = config.model_dump(exclude={"password"}, exclude_none=True)
        row.sip_config = shown | {"port": config.port or default_port(config.transport)}
        if config.password is not None:
            hidden = Secret(json.dumps({"password": config.password}))
            row.sealed_config = self._cipher.seal(hidden, row.project_id, row.id)
        elif "password" in config.model_fields_set:
            row.sealed_config = None
