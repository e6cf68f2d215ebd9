"""Where customers are told what happened, and each event on its way there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Computed, ForeignKey, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from parley.storage.tables.base import Row


class WebhookRow(Row):
    """Where a project (`agent_id` null) or one agent is asked and told.

    One that is `speculative` is asked before a turn is certainly over, and told when that was too early.
    """

    __tablename__ = "webhooks"
    __table_args__ = (
        Index("uq_webhooks_project", "project_id", unique=True, postgresql_where=text("agent_id IS NULL")),
        Index("uq_webhooks_agent", "agent_id", unique=True, postgresql_where=text("agent_id IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    url: Mapped[str]
    sealed_secret: Mapped[bytes]
    status: Mapped[str] = mapped_column(server_default="active")
    context_limit: Mapped[int]
    timeout_s: Mapped[float]
    speculative: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SubscriptionRow(Row):
    """A target that gets the events it names, of all agents, besides the webhook. Its secret is the customer's own."""

    __tablename__ = "subscriptions"

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    url: Mapped[str]
    events: Mapped[list[Any]]
    sealed_secret: Mapped[bytes]
    masked_secret: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    retry_config: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DeliveryRow(Row):
    """One event on its way to one target: the outbox and the record of its delivery in one row.

    `seq` orders events; `body` is the request body, rendered once (null for a voice turn, which is never sent again).
    A worker holds the row until `lease_until`; `attempts` counts how often it was taken. `target` says whose target it
    is (`TargetKind`). `webhook_id` and `subscription_id` stay when what they name is deleted: a reference that the
    database kept true would make deleting a target rewrite all that was ever sent to it. A row that sends an event
    again names in `original_id` the one that carried it first. `target_key` tells targets apart in one word: an id, or
    the project and the beginning of a call's own URL, for an index takes no key of any length.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "target_key", "next_at", "seq", postgresql_where=text("status = 'pending'")),
        Index("ix_deliveries_open_call", "call_id", "seq", postgresql_where=text("status = 'pending'")),
        Index("ix_deliveries_open_conversation", "conversation_id", "seq", postgresql_where=text("status = 'pending'")),
        Index("ix_deliveries_open_webhook", "webhook_id", postgresql_where=text("status = 'pending'")),
        Index("ix_deliveries_open_subscription", "subscription_id", postgresql_where=text("status = 'pending'")),
        Index("ix_deliveries_project_created", "project_id", "created_at", "seq"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    webhook_id: Mapped[str | None]
    subscription_id: Mapped[str | None]
    target: Mapped[str] = mapped_column(server_default="project")
    target_key: Mapped[str] = mapped_column(
        Computed("COALESCE(webhook_id, subscription_id, project_id || ' ' || left(url, 200))", persisted=True)
    )
    original_id: Mapped[str | None]
    agent_id: Mapped[str | None]
    conversation_id: Mapped[str | None] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    message_id: Mapped[str | None] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    event_type: Mapped[str]
    channel: Mapped[str]
    url: Mapped[str]
    body: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    http_status: Mapped[int | None]
    error_message: Mapped[str | None]
    response_body: Mapped[str | None]
    response_ms: Mapped[int | None]
    last_attempt_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def event_id(self) -> str:
        """What receivers know the event by: the same however often, and by whose wish, it is sent to a target."""
        return self.original_id or self.id

    @property
    def attempt_count(self) -> int:
        return self.attempts

    @property
    def next_retry_at(self) -> datetime | None:
        return self.next_at if self.status == "pending" else None
