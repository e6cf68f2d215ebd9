"""The tables. Every row belongs to a project; every moment is stored with its time zone.

Relationships are `lazy="raise"`: what a query did not load on purpose cannot be loaded by accident later.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, MetaData, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(DeclarativeBase):
    """Base of all rows."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB, list[Any]: JSONB}  # noqa: RUF012


class ProjectRow(Row):
    """The tenant."""

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKeyRow(Row):
    """A key that opens one project. Only its SHA-256 is kept; `prefix` is its first characters, to tell keys apart."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    prefix: Mapped[str]
    source: Mapped[str] = mapped_column(server_default="created")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]

    project: Mapped[ProjectRow] = relationship(lazy="raise")


class AgentRow(Row):
    """An agent as it is edited. Calls keep their own frozen copy."""

    __tablename__ = "agents"

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    description: Mapped[str | None]
    voice_mode: Mapped[str]
    system_prompt: Mapped[str | None]
    begin_message: Mapped[str | None]
    voice: Mapped[str | None]
    transfer_number: Mapped[str | None]
    language: Mapped[str | None]
    speech_to_text: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    text_to_speech: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    language_model: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    numbers: Mapped[list[NumberRow]] = relationship(
        lazy="raise",
        viewonly=True,
        order_by="NumberRow.attached_at, NumberRow.id",
        primaryjoin="and_(AgentRow.id == NumberRow.agent_id, NumberRow.status == 'active')",
    )

    @property
    def phone_numbers(self) -> list[NumberRow]:
        """The numbers in the order they were attached; the first is the caller ID."""
        return self.numbers


class NumberRow(Row):
    """A phone number. An active one belongs to one project only; a released one stays for its history."""

    __tablename__ = "numbers"
    __table_args__ = (
        Index("uq_numbers_active", "phone_number", unique=True, postgresql_where=text("status = 'active'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    phone_number: Mapped[str]
    country: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="active")
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"), index=True)
    attached_at: Mapped[datetime | None]
    friendly_name: Mapped[str | None]
    provider: Mapped[str]
    credential_id: Mapped[str | None] = mapped_column(ForeignKey("credentials.id", ondelete="SET NULL"))
    carrier_id: Mapped[str | None]
    sealed_config: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    released_at: Mapped[datetime | None]


class CredentialRow(Row):
    """A project's own account at a provider; the secret is sealed (see `cipher`)."""

    __tablename__ = "credentials"

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    provider: Mapped[str]
    account_id: Mapped[str | None]
    sealed_secret: Mapped[bytes]
    masked_key: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WebhookRow(Row):
    """Where a project (`agent_id` null) or one agent is asked and told."""

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
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CallRow(Row):
    """A call. `snapshot` is the agent as it was when the call began, with the call's own overrides."""

    __tablename__ = "calls"
    __table_args__ = (
        Index(
            "uq_calls_carrier_call",
            "project_id",
            "carrier",
            "carrier_call_id",
            unique=True,
            postgresql_where=text("carrier_call_id IS NOT NULL"),
        ),
        Index("ix_calls_project_created", "project_id", "created_at", "id"),
        Index("ix_calls_unfinished", "created_at", postgresql_where=text("status NOT IN ('completed', 'failed')")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"), index=True)
    number_id: Mapped[str | None] = mapped_column(ForeignKey("numbers.id", ondelete="SET NULL"), index=True)
    carrier: Mapped[str]
    carrier_call_id: Mapped[str | None]
    credential_id: Mapped[str | None] = mapped_column(ForeignKey("credentials.id", ondelete="SET NULL"))
    direction: Mapped[str]
    status: Mapped[str]
    end_reason: Mapped[str | None]
    from_number: Mapped[str]
    to_number: Mapped[str]
    snapshot: Mapped[dict[str, Any]]
    webhook_url: Mapped[str | None]
    call_metadata: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    problems: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    last_transcript_snippet: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    held_at: Mapped[datetime | None]

    transcripts: Mapped[list[TranscriptRow]] = relationship(
        lazy="raise", viewonly=True, order_by="TranscriptRow.at_s, TranscriptRow.row"
    )

    @property
    def phone_number(self) -> str:
        """Our side of the call."""
        return self.to_number if self.direction == "inbound" else self.from_number

    @property
    def began_at(self) -> datetime:
        """When it was answered, and before that when it was placed."""
        return self.started_at or self.created_at

    @property
    def phone_number_id(self) -> str | None:
        return self.number_id

    @property
    def duration_seconds(self) -> int | None:
        """Whole seconds from connection to end; None while the call runs, 0 if it never connected."""
        if self.ended_at is None:
            return None
        return max(0, round((self.ended_at - self.started_at).total_seconds())) if self.started_at else 0


class TranscriptRow(Row):
    """One exchange. `row` numbers it within its call; noting the same `row` again replaces it."""

    __tablename__ = "transcripts"
    __table_args__ = (UniqueConstraint("call_id", "row"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    row: Mapped[int]
    at_s: Mapped[float]
    caller: Mapped[str]
    agent: Mapped[str | None]
    was_cut: Mapped[bool]
    confidence: Mapped[float]
    intended: Mapped[str]
    latencies: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def transcript(self) -> str:
        """What was heard; a line the agent spoke unasked stands here too."""
        return self.caller or self.agent or ""

    @property
    def response(self) -> str | None:
        return self.agent if self.caller else None

    @property
    def speaker(self) -> str:
        return "caller" if self.caller else "agent"


class StreamTokenRow(Row):
    """A single-use ticket that lets one media socket into one call. Only its SHA-256 is kept."""

    __tablename__ = "stream_tokens"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class DeliveryRow(Row):
    """One event on its way to one target: the outbox and the record of its delivery in one row.

    `seq` orders events; `body` is the request body, rendered once (null for a voice turn, which is never sent again).
    A worker holds the row until `lease_until`; `attempts` counts how often it was taken.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "next_at", "seq", postgresql_where=text("status = 'pending'")),
        Index("ix_deliveries_open_call", "call_id", "seq", postgresql_where=text("status = 'pending'")),
        Index("ix_deliveries_project_created", "project_id", "created_at", "seq"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    webhook_id: Mapped[str | None] = mapped_column(ForeignKey("webhooks.id", ondelete="SET NULL"), index=True)
    agent_id: Mapped[str | None]
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
    def attempt_count(self) -> int:
        return self.attempts

    @property
    def next_retry_at(self) -> datetime | None:
        return self.next_at if self.status == "pending" else None
