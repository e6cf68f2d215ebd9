"""Webhook configuration and delivery records on the wire."""

from __future__ import annotations

from typing import Annotated

from parley.domain.secrets import Secret
from parley.schemas.base import Limit, Offset, Timestamp, Wire, between
from parley.schemas.fields import Id, Url


class WebhookPut(Wire):
    """Set the one webhook of a project or an agent; `timeout` limits a voice turn's wait for its first output."""

    url: Url
    context_limit: Annotated[int, between(0, 50)] = 10
    timeout: Annotated[float, between(5, 120)] = 30


class WebhookOut(Wire):
    id: str
    url: str
    secret: str
    status: str
    context_limit: int
    timeout: int | float
    agent_id: str | None
    created_at: Timestamp

    @classmethod
    def of(cls, row: object, secret: Secret) -> WebhookOut:
        """A webhook's row with its opened secret, which its owner may read again."""
        fields = ("id", "url", "status", "context_limit", "agent_id", "created_at")
        values = {name: getattr(row, name) for name in fields}
        seconds = float(getattr(row, "timeout_s"))  # noqa: B009 - `row` is an object on purpose: schemas know no table
        timeout = int(seconds) if seconds.is_integer() else seconds
        return cls(**values, timeout=timeout, secret=secret.reveal())


class DeliveryList(Wire):
    """Query of the deliveries list; `hours` looks back from now."""

    limit: Limit = 50
    offset: Offset = 0
    hours: Annotated[int, between(1, 168)] | None = None
    agent_id: Id | None = None


class DeliveryOut(Wire):
    """One event on its way to one target. `status` is `pending`, `success` or `failed`."""

    id: str
    event_type: str
    channel: str
    status: str
    url: str
    call_id: str | None
    http_status: int | None
    error_message: str | None
    response_body: str | None
    response_ms: int | None
    attempt_count: int
    last_attempt_at: Timestamp | None
    next_retry_at: Timestamp | None
    created_at: Timestamp
