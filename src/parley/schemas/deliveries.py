"""Deliveries on the wire: each event and voice turn that was sent to a customer's server, and what came of it."""

from __future__ import annotations

from typing import Annotated, Literal

from parley.schemas.base import Limit, Offset, Timestamp, Wire, between
from parley.schemas.fields import Id

Hours = Annotated[int, between(1, 168)]
DeliveryStatus = Literal["pending", "success", "failed"]


class DeliveryList(Wire):
    """Query of the deliveries list; `hours` looks back from now."""

    limit: Limit = 50
    offset: Offset = 0
    hours: Hours | None = None
    status: DeliveryStatus | None = None
    agent_id: Id | None = None


class AgentDeliveryList(Wire):
    """The same for one agent's own webhook."""

    limit: Limit = 50
    offset: Offset = 0
    hours: Hours | None = None
    status: DeliveryStatus | None = None


class DeliveryOut(Wire):
    """One event on its way to one target. `status` is `pending`, `success` or `failed`.

    `target` says whose it was: the `project`'s webhook, an `agent`'s own, a `call`'s own URL or a `subscription`.
    `eventId` is what the receiver is shown (`webhook-id`, `X-Webhook-ID`): it stays the same when the event is sent
    again. `nextRetryAt` is null where there is no next try.
    """

    id: str
    event_id: str
    event_type: str
    channel: str
    status: str
    target: str
    webhook_id: str | None
    subscription_id: str | None
    url: str
    agent_id: str | None
    call_id: str | None
    conversation_id: str | None
    message_id: str | None
    http_status: int | None
    error_message: str | None
    response_body: str | None
    response_ms: int | None
    attempt_count: int
    last_attempt_at: Timestamp | None
    next_retry_at: Timestamp | None
    created_at: Timestamp


class DeliveryDetail(DeliveryOut):
    """With the text that is sent, which is what the signature covers; null for a voice turn and for a test."""

    body: str | None


class StatsQuery(Wire):
    """Query of the statistics; `hours` looks back from now."""

    hours: Hours = 24


class DeliveryCounts(Wire):
    total: int
    success: int = 0
    failed: int = 0
    pending: int = 0


class HourCounts(DeliveryCounts):
    """What was created in the hour that begins at `hour`."""

    hour: Timestamp


class DeliveryTotals(DeliveryCounts):
    """`successRate` is a percentage of what is settled, 100 where nothing is."""

    success_rate: float


class DeliveryStats(DeliveryTotals):
    """`byHour` is oldest first and begins with the hour in which the time asked for begins."""

    by_event_type: dict[str, DeliveryCounts]
    by_hour: list[HourCounts]
