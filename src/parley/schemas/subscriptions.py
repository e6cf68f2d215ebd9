"""Webhook subscriptions on the wire: who is told which events, and how stubbornly."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from parley.domain.flat_events import EventName
from parley.schemas.base import Timestamp, Wire, between, not_null
from parley.schemas.fields import Url

WantedEvents = Annotated[
    list[Literal[EventName, "*"]],
    Field(
        min_length=1,
        max_length=50,
        description="Names of events; `*` stands for all of them.",
        examples=[["call_started", "call_ended"]],
    ),
]
OwnSecret = Annotated[
    str, Field(min_length=1, max_length=500, description="Any text. Requests are signed with it; it is never shown.")
]


class RetryConfig(Wire):
    """How often a failed request is tried again, and the first pause in seconds; each next one is twice as long."""

    max_retries: Annotated[int, between(0, 10)] = 3
    retry_delay: Annotated[int, between(1, 3600)] = 5


class SubscriptionCreate(Wire):
    """Be told events. Without a `secret` one is made and shown in the answer, once."""

    url: Url
    events: WantedEvents
    secret: OwnSecret | None = None
    active: bool = True
    retry_config: RetryConfig | None = None


class SubscriptionUpdate(Wire):
    """What is not sent stays as it is. A `retry_config` of null brings back this server's own schedule."""

    url: Annotated[Url | None, not_null()] = None
    events: Annotated[WantedEvents | None, not_null()] = None
    secret: OwnSecret | None = None
    active: Annotated[bool | None, not_null()] = None
    retry_config: RetryConfig | None = None


class SubscriptionOut(Wire):
    """`masked_secret` is the last four characters, enough to tell secrets apart.

    `active` turns false when the receiver answers 410; what waited for it has failed then.
    """

    id: str
    url: str
    events: list[str]
    active: bool
    masked_secret: str
    retry_config: RetryConfig | None
    created_at: Timestamp
    updated_at: Timestamp


class SubscriptionCreated(SubscriptionOut):
    """`secret` is the one that was made because none was sent, and is never shown again; null for your own."""

    secret: str | None

    @classmethod
    def of(cls, row: Any, made_secret: str | None) -> SubscriptionCreated:
        """A subscription's row, and the secret its owner does not know yet."""
        return cls(**SubscriptionOut.model_validate(row).model_dump(), secret=made_secret)
