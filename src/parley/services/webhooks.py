"""Where a project or an agent wants to be asked and told. An agent's own webhook replaces the project's for it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.calls import DEFAULT_CONTEXT_LIMIT, WebhookTarget
from parley.domain.errors import BadInput, FieldError, NotFound, TargetBlocked
from parley.domain.ids import new_id
from parley.domain.secrets import Secret
from parley.domain.webhooks import TargetKind, new_secret
from parley.providers.guard import TargetRules, check_url
from parley.schemas.webhooks import WebhookPut
from parley.services.defaults import Clock, utc_now
from parley.storage import agents, outbox, webhooks
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.tables import WebhookRow


class OpenedWebhook(NamedTuple):
    """A webhook's row and its signing secret."""

    row: WebhookRow
    secret: Secret


class Address(NamedTuple):
    """Where an event is recorded to go. A call's own URL has no `webhook_id`."""

    url: str
    kind: TargetKind
    webhook_id: str | None
    context_limit: int


class Webhooks:
    """`agent_id` None means the project's own webhook everywhere here. A foreign agent is NotFound."""

    def __init__(
        self, database: Database, cipher: Cipher, *, allow_private_targets: bool = False, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._allow_private_targets = allow_private_targets
        self._clock = clock

    async def put(self, project_id: str, agent_id: str | None, wanted: WebhookPut) -> OpenedWebhook:
        """Create or replace, with a new secret each time. Raises BadInput for a URL that is not public HTTPS;
        plain HTTP is allowed where the operator allows private targets."""
        url = self.require_url(wanted.url, "url")
        now, secret = self._clock(), new_secret()
        async with self._database.transaction() as session:
            if agent_id is not None:
                await agents.get(session, project_id, agent_id, lock=True)
            row = await webhooks.get_or_add(session, project_id, agent_id, new_id("wh"), now)
            row.url, row.context_limit, row.timeout_s = url, wanted.context_limit, wanted.timeout
            row.speculative = wanted.speculative
            row.status, row.updated_at = "active", now
            row.sealed_secret = self._cipher.seal(secret, project_id, row.id)
        return OpenedWebhook(row, secret)

    async def get(self, project_id: str, agent_id: str | None) -> OpenedWebhook | None:
        """None when nothing is configured."""
        async with self._database.read() as session:
            if agent_id is not None:
                await agents.get(session, project_id, agent_id)
            row = await webhooks.get(session, project_id, agent_id)
        return OpenedWebhook(row, self.open(row)) if row is not None else None

    async def delete(self, project_id: str, agent_id: str | None) -> None:
        """Events still waiting for it fail. Raises NotFound when there is none."""
        async with self._database.transaction() as session:
            if agent_id is not None:
                await agents.get(session, project_id, agent_id)
            row = await webhooks.get(session, project_id, agent_id, lock=True)
            if row is None:
                raise NotFound("There is no webhook to delete.")
            await outbox.fail_waiting(session, row, "webhook_deleted")
            await session.delete(row)

    async def target_for(
        self, project_id: str, agent_id: str | None, own_url: str | None = None
    ) -> WebhookTarget | None:
        """The call's own URL if it has one, else the agent's active webhook, else the project's, else None."""
        async with self._database.read() as session:
            return await self.target_in(session, project_id, agent_id, own_url)

    async def address_in(
        self, session: AsyncSession, project_id: str, agent_id: str | None, own_url: str | None = None
    ) -> Address | None:
        """The one of these three that an event goes to; a stored webhook cannot be deleted before the session's end.

        No secret is opened: one that nobody can read is no reason why a call could not begin or end. It is told of
        where the event is sent.
        """
        row = await webhooks.applying(session, project_id, agent_id, keep=own_url is None)
        if own_url is not None:
            return Address(own_url, "call", None, DEFAULT_CONTEXT_LIMIT if row is None else row.context_limit)
        if row is None or row.status != "active":
            return None
        return Address(row.url, _kind(row), row.id, row.context_limit)

    async def target_in(
        self, session: AsyncSession, project_id: str, agent_id: str | None, own_url: str | None = None
    ) -> WebhookTarget | None:
        """The same as `target_for`, in a session that is open already. Raises ConfigurationError like `open`.

        A call's own URL has the secret and the limits of the webhook it stands in for, or, without one, a secret
        derived for the project and the usual limits; its `webhook_id` is empty.
        """
        row = await webhooks.applying(session, project_id, agent_id)
        if own_url is not None:
            if row is None:
                return WebhookTarget(url=own_url, secret=self.spare_secret(project_id))
            return msgspec.structs.replace(self.target(row), url=own_url, webhook_id="")
        return self.target(row) if row is not None and row.status == "active" else None

    def spare_secret(self, project_id: str) -> Secret:
        """What a call's own URL is signed with where there is no webhook whose secret it could have."""
        return self._cipher.signing_secret(project_id)

    def target(self, row: WebhookRow) -> WebhookTarget:
        """A stored webhook as the one who asks and tells sees it. Raises ConfigurationError like `open`."""
        return WebhookTarget(
            url=row.url,
            secret=self.open(row),
            webhook_id=row.id,
            kind=_kind(row),
            context_limit=row.context_limit,
            timeout_s=row.timeout_s,
            speculative=row.speculative,
        )

    def open(self, row: WebhookRow) -> Secret:
        """Raises ConfigurationError when the row was sealed with a key this server does not have."""
        return self._cipher.open(row.sealed_secret, row.project_id, row.id)

    def require_url(self, url: str, field: str) -> str:
        """The URL itself, if parley may ever call it; where it truly leads is checked at every request."""
        try:
            if not url.isascii():
                raise BadInput("Write the host name in its ASCII form (xn--…).")
            check_url(url, TargetRules(allow_private=self._allow_private_targets), field=field)
        except (BadInput, TargetBlocked) as refused:
            raise BadInput(f"`{field}`: {refused.message}", [FieldError(field, refused.message)]) from None
        return url


def _kind(row: WebhookRow) -> TargetKind:
    return "project" if row.agent_id is None else "agent"
