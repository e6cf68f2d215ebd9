"""Tenants, what opens them, and what they brought along."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from parley.storage.tables.base import Row


class ProjectRow(Row):
    """The tenant. A limit that is null is the server's; `routing` is what holds for all its numbers."""

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    recording_enabled: Mapped[bool] = mapped_column(server_default=text("false"))
    number_limit: Mapped[int | None]
    concurrent_call_limit: Mapped[int | None]
    daily_call_limit: Mapped[int | None]
    daily_message_limit: Mapped[int | None]
    routing: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
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


class IdempotencyRow(Row):
    """The first request with an `Idempotency-Key`, and its answer once there is one.

    `fingerprint` tells an equal request from another one under the same key. The answer is sealed, for it may show a
    webhook's secret; `status` is null while the first request is still being worked on.
    """

    __tablename__ = "idempotency_keys"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    status: Mapped[int | None]
    sealed_body: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
