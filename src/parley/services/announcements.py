"""What happened, put into the outbox for everybody who wants to know, in the transaction that makes it true."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.calls import WebhookTarget
from parley.domain.events import Payload
from parley.domain.ids import new_id
from parley.services.webhooks import Webhooks
from parley.storage import outbox
from parley.storage.tables import DeliveryRow


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What an event is about. Events of one call, or of one conversation, reach a target in the order they happened.

    `own_url` is where a single call wants its events instead of the webhook.
    """

    project_id: str
    agent_id: str | None
    channel: str
    call_id: str | None = None
    conversation_id: str | None = None
    message_id: str | None = None
    own_url: str | None = None


class Announcements:
    """`wake` is called by whoever has committed an announcement (`Deliveries.wake`)."""

    def __init__(self, webhooks: Webhooks, wake: Callable[[], None]) -> None:
        self._webhooks = webhooks
        self.wake = wake

    async def tell_webhook(
        self, session: AsyncSession, subject: Subject, kind: str, at: datetime, render: Callable[[int], Payload]
    ) -> None:
        """Tell the one webhook that applies, if there is one; `render` is given its context limit."""
        target = await self._webhooks.target_in(session, subject.project_id, subject.agent_id, subject.own_url)
        if target is not None:
            outbox.record(session, _delivery(subject, target, kind, render(target.context_limit), at))


def _delivery(subject: Subject, target: WebhookTarget, kind: str, payload: Payload, at: datetime) -> DeliveryRow:
    return DeliveryRow(
        id=new_id("evt"),
        project_id=subject.project_id,
        webhook_id=target.webhook_id or None,
        agent_id=subject.agent_id,
        call_id=subject.call_id,
        conversation_id=subject.conversation_id,
        message_id=subject.message_id,
        event_type=kind,
        channel=subject.channel,
        url=target.url,
        body=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
        next_at=at,
        created_at=at,
    )
