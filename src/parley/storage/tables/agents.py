"""Who answers, and where: agents, numbers, and the trunks that lead to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from parley.storage.tables.base import Row


class AgentRow(Row):
    """An agent as it is edited. Calls keep their own frozen copy.

    Without `max_concurrent_calls` only the project's limit holds. `analysis` is what shall be found out after a call,
    `conduct` how the agent behaves in a conversation, as far as its owner said anything about that.
    """

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
    recording_enabled: Mapped[bool | None]
    max_concurrent_calls: Mapped[int | None]
    analysis: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    conduct: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
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
    """A phone number. An active one belongs to one project only; a released one stays for its history.

    `is_connected` says whether the carrier was told to call this server. `routing` and `sip_config` are kept as the
    customer sent them, but for the password, which is in `sealed_config`. `dialect` is the API the number was
    registered through last, and that its inbound calls are shown in.
    """

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
    is_connected: Mapped[bool] = mapped_column(server_default=text("true"))
    routing: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    sip_config: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    sealed_config: Mapped[bytes | None]
    dialect: Mapped[str] = mapped_column(server_default="native")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    released_at: Mapped[datetime | None]

    @property
    def inbound_routing(self) -> dict[str, Any]:
        """Who answers, and the number's own words for callers who are asked for a message."""
        return {"agent_id": self.agent_id, "voicemail_message": (self.routing or {}).get("voicemail_message")}

    @property
    def connection_note(self) -> str | None:
        """What an owner should do about a number in use that no carrier was told about."""
        if self.is_connected or self.status != "active":
            return None
        if self.sip_config is not None:
            return "Calls over SIP trunks are not connected yet; the trunk is stored, and no call reaches this number."
        return (
            "No call reaches this number: its carrier account does not own it, or parley has no adapter for the"
            " carrier. Buy or port it there, then register it again."
        )


class TrunkRow(Row):
    """A SIP trunk: where calls go out to, and come in from, without a carrier's interface. The password is sealed."""

    __tablename__ = "trunks"

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    sip_domain: Mapped[str]
    username: Mapped[str | None]
    sealed_password: Mapped[bytes | None]
    registration_required: Mapped[bool]
    proxy: Mapped[str | None]
    port: Mapped[int]
    transport: Mapped[str]
    codec_preferences: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def password_set(self) -> bool:
        return self.sealed_password is not None


class DiagnosticRow(Row):
    """Something a customer asked to be checked, and what came of it."""

    __tablename__ = "diagnostics"

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    request: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
