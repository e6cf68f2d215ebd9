"""What is learnt from calls, and who is told when something is wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from parley.domain.analysis_events import outcome
from parley.storage.tables.base import Row


class AnalysisRow(Row):
    """What was learnt from one ended call. `metrics` are counted; the rest is a model's judgement, or null.

    `status` is `pending` (claimed until `leased_until`), `done`, `failed` after the last attempt, or `skipped`, and
    `reason` says why there is no judgement. `prompt_version` and `model` say whose judgement it is.
    """

    __tablename__ = "analyses"
    __table_args__ = (
        Index("uq_analyses_call", "call_id", unique=True),
        Index("ix_analyses_pending", "next_at", postgresql_where=text("status = 'pending'")),
        Index("ix_analyses_project_created", "project_id", "created_at"),
        Index("ix_analyses_project_finished", "project_id", "finished_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"), index=True)
    status: Mapped[str]
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    metrics: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    wanted: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    prompt_version: Mapped[str | None]
    model: Mapped[str | None]
    summary: Mapped[str | None]
    resolution_status: Mapped[str | None]
    satisfaction_score: Mapped[float | None]
    topics: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    fields: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    criteria: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    @property
    def outcome(self) -> str | None:
        """In a few words what came of the call."""
        return outcome(self.fields, self.resolution_status)


class ProblemRow(Row):
    """Something that went wrong in a call, and when; `code` is a stable word."""

    __tablename__ = "call_problems"
    __table_args__ = (Index("ix_call_problems_project_at", "project_id", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"), index=True)
    code: Mapped[str]
    at: Mapped[datetime]


class AlertRuleRow(Row):
    """A condition somebody wants to be told of, from `effective_from` on. `channels` say who is told.

    `evaluated_until` is how far the calls were looked at for it.
    """

    __tablename__ = "alert_rules"

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    condition: Mapped[dict[str, Any]]
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    window_s: Mapped[int]
    dedupe_s: Mapped[int]
    quiet_hours: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    channels: Mapped[list[Any]]
    effective_from: Mapped[datetime]
    evaluated_until: Mapped[datetime]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AlertFiringRow(Row):
    """One time a rule was met, and by what. `subject` is what it was about where a rule fires for each call or agent.

    `told` says of each channel whether it was told. Until `next_at` nobody tries to tell it; null once all is told.
    """

    __tablename__ = "alert_firings"
    __table_args__ = (
        Index("ix_alert_firings_rule_fired", "rule_id", "fired_at", "id"),
        Index("ix_alert_firings_untold", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        Index("uq_alert_firings_once", "rule_id", "subject", "fired_at", unique=True),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    rule_id: Mapped[str] = mapped_column(ForeignKey("alert_rules.id", ondelete="CASCADE"))
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id", ondelete="SET NULL"), index=True)
    subject: Mapped[str]
    value: Mapped[float]
    evidence: Mapped[dict[str, Any]]
    told: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_at: Mapped[datetime | None]
    fired_at: Mapped[datetime]


class HealthStateRow(Row):
    """What was found, and since when, of one thing a project's calls depend on.

    `kind` is `credential`, `number`, `provider`, `trunk` or `webhook`, and `subject_id` which one. `since` moves only
    when `status` or `code` changes.
    """

    __tablename__ = "health_states"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    code: Mapped[str]
    detail: Mapped[str]
    since: Mapped[datetime]
    checked_at: Mapped[datetime]
