"""Subscriptions: targets that are told the events they name, of all agents, besides the webhook."""

from __future__ import annotations

from typing import NamedTuple

from parley.domain.errors import Conflict
from parley.domain.ids import new_id
from parley.domain.secrets import Secret
from parley.domain.webhooks import new_secret
from parley.schemas.pages import CursorQuery
from parley.schemas.subscriptions import RetryConfig, SubscriptionCreate, SubscriptionUpdate
from parley.services.defaults import Clock, utc_now
from parley.services.webhooks import Webhooks
from parley.storage import outbox, projects, subscriptions
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.lookup import Slice
from parley.storage.tables import SubscriptionRow

MOST_SUBSCRIPTIONS = 100
"""A project's bound: each of its events is written once for every subscription that wants it."""


class Subscribed(NamedTuple):
    """A new subscription, and its secret if that was made here and its owner has yet to learn it."""

    row: SubscriptionRow
    made_secret: Secret | None


class Subscriptions:
    """A foreign or unknown id is NotFound everywhere."""

    def __init__(self, database: Database, cipher: Cipher, webhooks: Webhooks, clock: Clock = utc_now) -> None:
        self._database = database
        self._cipher = cipher
        self._webhooks = webhooks
        self._clock = clock

    async def create(self, project_id: str, wanted: SubscriptionCreate) -> Subscribed:
        """Raises BadInput for a URL that parley may not call, Conflict when the project has all it may have."""
        url = self._webhooks.require_url(wanted.url, "url")
        secret = Secret(wanted.secret) if wanted.secret is not None else new_secret()
        now = self._clock()
        row = SubscriptionRow(
            id=new_id("sub"),
            project_id=project_id,
            url=url,
            events=list(dict.fromkeys(wanted.events)),
            active=wanted.active,
            retry_config=_stored(wanted.retry_config),
            created_at=now,
            updated_at=now,
        )
        self._seal(row, secret)
        async with self._database.transaction() as session:
            await projects.get(session, project_id, lock=True)  # so that nobody else counts meanwhile
            if await subscriptions.count(session, project_id) >= MOST_SUBSCRIPTIONS:
                raise Conflict(f"A project has at most {MOST_SUBSCRIPTIONS} webhooks of this kind; delete one first.")
            session.add(row)
        return Subscribed(row, None if wanted.secret is not None else secret)

    async def get(self, project_id: str, subscription_id: str) -> SubscriptionRow:
        async with self._database.read() as session:
            return await subscriptions.get(session, project_id, subscription_id)

    async def list(self, project_id: str, query: CursorQuery) -> Slice[SubscriptionRow]:
        """One page, newest first."""
        async with self._database.read() as session:
            return await subscriptions.list_page(session, project_id, query.after_id, query.count)

    async def update(self, project_id: str, subscription_id: str, wanted: SubscriptionUpdate) -> SubscriptionRow:
        """Change what was sent. What waits goes to the new URL with the new secret; switched off, it fails."""
        url = None if wanted.url is None else self._webhooks.require_url(wanted.url, "url")
        async with self._database.transaction() as session:
            row = await subscriptions.get(session, project_id, subscription_id, lock=True)
            if url is not None:
                row.url = url
            if wanted.events is not None:
                row.events = list(dict.fromkeys(wanted.events))
            if wanted.secret is not None:
                self._seal(row, Secret(wanted.secret))
            if "retry_config" in wanted.model_fields_set:
                row.retry_config = _stored(wanted.retry_config)
            if wanted.active is not None:
                row.active = wanted.active
            if not row.active:
                await outbox.fail_waiting(session, row, "subscription_inactive")
            row.updated_at = self._clock()
        return row

    async def delete(self, project_id: str, subscription_id: str) -> SubscriptionRow:
        """What still waits for it fails."""
        async with self._database.transaction() as session:
            row = await subscriptions.get(session, project_id, subscription_id, lock=True)
            await outbox.fail_waiting(session, row, "subscription_deleted")
            await session.delete(row)
        return row

    def open(self, row: SubscriptionRow) -> Secret:
        """Raises ConfigurationError when the row was sealed with a key this server does not have."""
        return self._cipher.open(row.sealed_secret, row.project_id, row.id)

    def _seal(self, row: SubscriptionRow, secret: Secret) -> None:
        row.sealed_secret = self._cipher.seal(secret, row.project_id, row.id)
        row.masked_secret = secret.hint


def _stored(config: RetryConfig | None) -> dict[str, int] | None:
    return None if config is None else config.model_dump()
