"""What happened, put into the outbox for everybody who wants to know, in the transaction that makes it true."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.events import Payload
from parley.domain.flat_events import wants
from parley.domain.ids import new_id
from parley.services.webhooks import Webhooks
from parley.storage import outbox, subscriptions
from parley.storage.tables import DeliveryRow


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What an event is about. Events of one call, or of one conversation, reach a target in the order they happened.

    `own_url` is where a single call wants its events instead of the webhook; subscriptions are told all the same.
    """

    project_id: str
    agent_id: str | None
    channel: str
    call_id: str | None = None
    conversation_id: str | None = None
    message_id: str | None = None
    own_url: str | None = None


class Announcements:
    """`wake` is called by whoever has committed an announcement (`DeliveryWorker.wake`)."""

    def __init__(self, webhooks: Webhooks, wake: Callable[[], None]) -> None:
        self._webhooks = webhooks
        self.wake = wake

    async def tell_webhook(
        self, session: AsyncSession, subject: Subject, kind: str, at: datetime, render: Callable[[int], Payload]
    ) -> None:
        """Tell the one webhook that applies, if there is one; `render` is given its context limit."""
        address = await self._webhooks.address_in(session, subject.project_id, subject.agent_id, subject.own_url)
        if address is not None:
            to = {"target": address.kind, "webhook_id": address.webhook_id, "url": address.url}
            outbox.record(session, _delivery(subject, kind, render(address.context_limit), at, **to))

    async def tell_subscriptions(
        self, session: AsyncSession, subject: Subject, at: datetime, events: Iterable[Payload]
    ) -> None:
        """Tell every active subscription of the project those of the flat `events` it wants, in their order."""
        events = list(events)
        for each in await subscriptions.active(session, subject.project_id):
            to = {"target": "subscription", "subscription_id": each.id, "url": each.url}
            for event in events:
                if wants(each.events, event["event"]):
                    outbox.record(session, _delivery(subject, event["event"], event, at, **to))


def _delivery(subject: Subject, kind: str, payload: Payload, at: datetime, **to: Any) -> DeliveryRow:
    return DeliveryRow(
        **to,
        id=new_id("evt"),
        project_id=subject.project_id,
        agent_id=subject.agent_id,
        call_id=subject.call_id,
        conversation_id=subject.conversation_id,
        message_id=subject.message_id,
        event_type=kind,
        channel=subject.channel,
        body=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
        status="pending",
        attempts=0,
        next_at=at,
        created_at=at,
    )
