"""Where a stored event goes now, and how a request to there is signed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.calls import WebhookTarget
from parley.domain.secrets import Secret
from parley.domain.webhooks import RETRY_DELAYS_S, doubling_delays, sign, sign_for_subscriber
from parley.services.subscriptions import Subscriptions
from parley.services.webhooks import Webhooks
from parley.storage import outbox, subscriptions, webhooks
from parley.storage.tables import DeliveryRow, SubscriptionRow, WebhookRow


class Destination(NamedTuple):
    """A URL and its secret. `body_header` is named where a subscriber expects its kind of signature.

    `delays_s` are the pauses after each failed attempt; when they are used up, it was the last.
    """

    url: str
    secret: Secret
    body_header: str = ""
    delays_s: Sequence[float] = RETRY_DELAYS_S

    def sign(self, event_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
        """The signature headers of one request. Raises BadInput for a secret that cannot sign."""
        if self.body_header:
            return sign_for_subscriber(self.secret, event_id, timestamp_s, body, self.body_header)
        return sign(self.secret, event_id, timestamp_s, body)


class Nowhere(NamedTuple):
    """The target is gone or switched off; `reason` is the stable word that says which."""

    reason: str


class Destinations:
    """`body_header` is the name of the header that signs a request to a subscription over its body alone."""

    def __init__(self, webhooks: Webhooks, subscriptions: Subscriptions, body_header: str) -> None:
        self._webhooks = webhooks
        self._subscriptions = subscriptions
        self._body_header = body_header

    async def of(self, session: AsyncSession, row: DeliveryRow) -> Destination | Nowhere:
        """The target as it is now: after a change of URL or secret the old ones are of no use.

        Raises ConfigurationError when its secret was sealed with a key this server does not have.
        """
        if row.target == "subscription":
            subscription = await subscriptions.by_id(session, row.subscription_id or "")
            if subscription is None:
                return Nowhere("subscription_deleted")
            return self.to_subscription(subscription) if subscription.active else Nowhere("subscription_inactive")
        if row.target == "call":
            target = await self._webhooks.target_in(session, row.project_id, row.agent_id, row.url)
            assert target is not None, "a URL was given"
            return self.to_webhook(target)
        webhook = await webhooks.by_id(session, row.webhook_id or "")
        if webhook is None:
            return Nowhere("webhook_deleted")
        if webhook.status != "active":
            return Nowhere("webhook_disabled")
        return self.to_webhook(self._webhooks.target(webhook))

    def to_webhook(self, target: WebhookTarget) -> Destination:
        return Destination(target.url, target.secret)

    def to_subscription(self, row: SubscriptionRow) -> Destination:
        """Raises ConfigurationError like `of`."""
        config = row.retry_config
        delays = doubling_delays(config["max_retries"], config["retry_delay"]) if config else RETRY_DELAYS_S
        return Destination(row.url, self._subscriptions.open(row), self._body_header, delays)

    async def target_at(self, session: AsyncSession, row: DeliveryRow, url: str) -> WebhookRow | SubscriptionRow | None:
        """The stored target a request to `url` was for, locked; None for a call's own URL, and where the target is gone
        or leads elsewhere by now.

        Whoever writes about a target and about its deliveries locks the target first, so that nobody waits in a circle.
        """
        target: WebhookRow | SubscriptionRow | None = None
        if row.subscription_id is not None:
            target = await subscriptions.by_id(session, row.subscription_id, lock=True)
        elif row.webhook_id is not None:
            target = await webhooks.by_id(session, row.webhook_id, lock=True)
        return target if target is not None and target.url == url else None

    async def switch_off(self, session: AsyncSession, target: WebhookRow | SubscriptionRow, at: datetime) -> None:
        """Its receiver said that it is gone for good: it is told no more, and what waits for it fails."""
        target.updated_at = at
        if isinstance(target, WebhookRow):
            target.status = "disabled"
            await outbox.fail_waiting(session, target, "webhook_disabled")
        else:
            target.active = False
            await outbox.fail_waiting(session, target, "subscription_inactive")
