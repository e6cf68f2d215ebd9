"""Where a project or an agent wants to be asked and told. An agent's own webhook replaces the project's for it."""

from __future__ import annotations

from typing import NamedTuple

from parley.domain.calls import WebhookTarget
from parley.domain.secrets import Secret
from parley.schemas.webhooks import WebhookPut
from parley.services.defaults import Clock, utc_now
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.tables import WebhookRow


class OpenedWebhook(NamedTuple):
    """A webhook's row and its signing secret."""

    row: WebhookRow
    secret: Secret


class Webhooks:
    """`agent_id` None means the project's own webhook everywhere here."""

    def __init__(
        self, database: Database, cipher: Cipher, *, allow_private_targets: bool = False, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._allow_private_targets = allow_private_targets
        self._clock = clock

    async def put(self, project_id: str, agent_id: str | None, wanted: WebhookPut) -> OpenedWebhook:
        """Create or replace, with a new secret each time. Raises BadInput for a URL that is not public HTTPS
        (plain HTTP is allowed where the operator allows private targets), NotFound for a foreign agent."""
        raise NotImplementedError

    async def get(self, project_id: str, agent_id: str | None) -> OpenedWebhook | None:
        """None when nothing is configured."""
        raise NotImplementedError

    async def delete(self, project_id: str, agent_id: str | None) -> None:
        """Events still waiting for it fail. Raises NotFound when there is none."""
        raise NotImplementedError

    async def target_for(self, project_id: str, agent_id: str | None) -> WebhookTarget | None:
        """The agent's active webhook, else the project's, else None."""
        raise NotImplementedError
