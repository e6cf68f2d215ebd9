"""The front desk: named queues, who waits in them, and the messages callers left."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, func, select, text
from sqlalchemy.orm import Mapped, column_property, mapped_column

from parley.storage.tables.base import Row
from parley.storage.tables.calls import CallRow


class QueueRow(Row):
    """A queue that callers wait in for any of its agents. Without one, callers wait for the one agent they want."""

    __tablename__ = "queues"

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    agent_ids: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    max_wait_s: Mapped[int]
    max_length: Mapped[int]
    music: Mapped[str] = mapped_column(server_default="default")
    announces_position: Mapped[bool] = mapped_column(server_default=text("true"))
    announces_wait: Mapped[bool] = mapped_column(server_default=text("false"))
    offers_callback: Mapped[bool] = mapped_column(server_default=text("false"))
    overflow: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class QueueEntryRow(Row):
    """One call's wait. The order is `priority`, highest first, then `entered_at`, then `id`.

    `lane` is what is waited for: the id of a queue, or of an agent. `status` is `waiting`, `callback` (the caller hung
    up and keeps the place), and at the end `answered`, `overflowed`, `abandoned` or `called_back`. `settings` is the
    queue as it was when the caller came. `held_until` is renewed by the process that plays the music; whoever waits
    unheld is gone. A `callback` is not tried before `due_at`, nor while the call `callback_call_id` is being placed.
    """

    __tablename__ = "queue_entries"
    __table_args__ = (
        Index("ix_queue_entries_lane", "project_id", "lane", "entered_at"),
        Index(
            "ix_queue_entries_open",
            "project_id",
            "priority",
            "entered_at",
            "id",
            postgresql_where=text("status IN ('waiting', 'callback')"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    queue_id: Mapped[str | None] = mapped_column(ForeignKey("queues.id", ondelete="SET NULL"), index=True)
    lane: Mapped[str]
    status: Mapped[str]
    priority: Mapped[int] = mapped_column(server_default="0")
    agent_ids: Mapped[list[Any]]
    settings: Mapped[dict[str, Any]]
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"), index=True)
    callback_call_id: Mapped[str | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime | None]
    entered_at: Mapped[datetime]
    overflows_at: Mapped[datetime]
    held_until: Mapped[datetime | None]
    left_at: Mapped[datetime | None]


class VoicemailRow(Row):
    """A message a caller left. `reason` is why nobody answered; `audio_key` names the message in the recording store,
    `is_test` is read from its call.

    The row is there as soon as the caller is asked for a message, with `status` `recording`; then it is `stored`, or
    `empty` where nothing was said. Empty ones are nobody's business and are not listed.
    """

    __tablename__ = "voicemails"
    __table_args__ = (
        Index("ix_voicemails_project_created", "project_id", "created_at", "id"),
        Index("uq_voicemails_call", "call_id", unique=True),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    number_id: Mapped[str | None] = mapped_column(ForeignKey("numbers.id", ondelete="SET NULL"), index=True)
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"), index=True)
    from_number: Mapped[str]
    to_number: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str]
    transcript: Mapped[str | None]
    confidence: Mapped[float | None]
    duration_ms: Mapped[int] = mapped_column(server_default="0")
    audio_key: Mapped[str | None]
    audio_bytes: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    heard_at: Mapped[datetime | None]
    is_test: Mapped[bool] = column_property(
        select(CallRow.is_test).where(CallRow.id == call_id).correlate_except(CallRow).scalar_subquery(),
        expire_on_flush=False,
    )

    @property
    def heard(self) -> bool:
        return self.heard_at is not None

    @property
    def duration_seconds(self) -> int:
        """Whole seconds; a message that was left lasted at least one."""
        return max(1, round(self.duration_ms / 1000))

    @property
    def audio_url(self) -> str | None:
        """The link `services.voicemails` gave this row to be shown with; None where it gave none."""
        return getattr(self, "_audio_url", None)

    @audio_url.setter
    def audio_url(self, url: str | None) -> None:
        self._audio_url = url
