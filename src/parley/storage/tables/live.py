"""Watching calls as they happen."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from parley.storage.tables.base import Row


class LiveTokenRow(Row):
    """A single-use ticket for a live stream, for clients that cannot send headers. Only its SHA-256 is kept.

    It opens what the key that it was made with opens; with a `call_id` that call alone.
    """

    __tablename__ = "live_tokens"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), index=True)
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
