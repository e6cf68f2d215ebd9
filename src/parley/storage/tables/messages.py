"""Text messages and the conversations they make up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from parley.storage.tables.base import Row


class ConversationRow(Row):
    """All messages between one of our numbers and one other number. `opted_out_at` is set while it wants none."""

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("number_id", "participant"),
        Index("ix_conversations_project_last", "project_id", "last_message_at", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    number_id: Mapped[str] = mapped_column(ForeignKey("numbers.id", ondelete="CASCADE"))
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"), index=True)
    phone_number: Mapped[str]
    participant: Mapped[str]
    conversation_metadata: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    message_count: Mapped[int] = mapped_column(server_default=text("0"))
    last_message_at: Mapped[datetime]
    last_message_preview: Mapped[str]
    opted_out_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MessageRow(Row):
    """One text message, in either direction. `carrier_message_id` is the carrier's own id for it."""

    __tablename__ = "messages"
    __table_args__ = (
        Index(
            "uq_messages_carrier_message",
            "project_id",
            "carrier",
            "carrier_message_id",
            unique=True,
            postgresql_where=text("carrier_message_id IS NOT NULL"),
        ),
        Index(
            "ix_messages_unnamed",
            "created_at",
            postgresql_where=text("status = 'queued' AND carrier_message_id IS NULL"),
        ),
        Index("ix_messages_conversation_created", "conversation_id", "created_at", "id"),
        Index("ix_messages_number_created", "number_id", "created_at", "id"),
        Index("ix_messages_project_created", "project_id", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    number_id: Mapped[str] = mapped_column(ForeignKey("numbers.id", ondelete="CASCADE"))
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"), index=True)
    direction: Mapped[str]
    from_number: Mapped[str]
    to_number: Mapped[str]
    body: Mapped[str]
    media_urls: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    status: Mapped[str]
    error_message: Mapped[str | None]
    carrier: Mapped[str]
    carrier_message_id: Mapped[str | None]
    credential_id: Mapped[str | None] = mapped_column(ForeignKey("credentials.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    delivered_at: Mapped[datetime | None]
