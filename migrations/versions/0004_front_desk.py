"""The front desk: queues, voicemail, analyses, alerts, health; and where a call is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_queues()
    _add_queue_entries()
    _add_voicemails()
    _add_analyses()
    _add_health()
    _add_alerts()
    _add_problems()
    _add_live_tokens()
    _widen_what_exists()


def _add_queues() -> None:
    op.create_table(
        "queues",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("agent_ids", JSONB, server_default=sa.text("'[]'"), nullable=False),
        sa.Column("max_wait_s", sa.Integer(), nullable=False),
        sa.Column("max_length", sa.Integer(), nullable=False),
        sa.Column("music", sa.String(), server_default="default", nullable=False),
        sa.Column("announces_position", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("announces_wait", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("offers_callback", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("overflow", JSONB, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_queues_project_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queues")),
    )
    op.create_index(op.f("ix_queues_project_id"), "queues", ["project_id"], unique=False)


def _add_queue_entries() -> None:
    op.create_table(
        "queue_entries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("queue_id", sa.String(), nullable=True),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("agent_ids", JSONB, nullable=False),
        sa.Column("settings", JSONB, nullable=False),
        sa.Column("agent_id", sa.String(), nullable=True),
        sa.Column("callback_call_id", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("overflows_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_queue_entries_agent_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_queue_entries_call_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_queue_entries_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["queue_id"], ["queues.id"], name=op.f("fk_queue_entries_queue_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_entries")),
    )
    op.create_index(op.f("ix_queue_entries_agent_id"), "queue_entries", ["agent_id"], unique=False)
    op.create_index(op.f("ix_queue_entries_call_id"), "queue_entries", ["call_id"], unique=False)
    op.create_index(op.f("ix_queue_entries_callback_call_id"), "queue_entries", ["callback_call_id"], unique=False)
    op.create_index("ix_queue_entries_lane", "queue_entries", ["project_id", "lane", "entered_at"], unique=False)
    op.create_index(
        "ix_queue_entries_open",
        "queue_entries",
        ["project_id", "priority", "entered_at", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('waiting', 'callback')"),
    )
    op.create_index(op.f("ix_queue_entries_queue_id"), "queue_entries", ["queue_id"], unique=False)


def _add_voicemails() -> None:
    op.create_table(
        "voicemails",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("number_id", sa.String(), nullable=True),
        sa.Column("agent_id", sa.String(), nullable=True),
        sa.Column("from_number", sa.String(), nullable=False),
        sa.Column("to_number", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("transcript", sa.String(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), server_default="0", nullable=False),
        sa.Column("audio_key", sa.String(), nullable=True),
        sa.Column("audio_bytes", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_voicemails_agent_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_voicemails_call_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["number_id"], ["numbers.id"], name=op.f("fk_voicemails_number_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_voicemails_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voicemails")),
    )
    op.create_index(op.f("ix_voicemails_agent_id"), "voicemails", ["agent_id"], unique=False)
    op.create_index(op.f("ix_voicemails_number_id"), "voicemails", ["number_id"], unique=False)
    op.create_index("ix_voicemails_project_created", "voicemails", ["project_id", "created_at", "id"], unique=False)
    op.create_index("uq_voicemails_call", "voicemails", ["call_id"], unique=True)


def _add_analyses() -> None:
    op.create_table(
        "analyses",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("metrics", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("wanted", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("prompt_version", sa.String(), nullable=True),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("summary", sa.String(), nullable=True),
        sa.Column("resolution_status", sa.String(), nullable=True),
        sa.Column("satisfaction_score", sa.Double(), nullable=True),
        sa.Column("topics", JSONB, nullable=True),
        sa.Column("fields", JSONB, nullable=True),
        sa.Column("criteria", JSONB, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_analyses_agent_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_analyses_call_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_analyses_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analyses")),
    )
    op.create_index(op.f("ix_analyses_agent_id"), "analyses", ["agent_id"], unique=False)
    op.create_index(
        "ix_analyses_pending", "analyses", ["next_at"], unique=False, postgresql_where=sa.text("status = 'pending'")
    )
    op.create_index("ix_analyses_project_created", "analyses", ["project_id", "created_at"], unique=False)
    op.create_index("ix_analyses_project_finished", "analyses", ["project_id", "finished_at"], unique=False)
    op.create_index("uq_analyses_call", "analyses", ["call_id"], unique=True)


def _add_health() -> None:
    op.create_table(
        "health_states",
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_health_states_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "kind", "subject_id", name=op.f("pk_health_states")),
    )


def _add_alerts() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("condition", JSONB, nullable=False),
        sa.Column("agent_id", sa.String(), nullable=True),
        sa.Column("window_s", sa.Integer(), nullable=False),
        sa.Column("dedupe_s", sa.Integer(), nullable=False),
        sa.Column("quiet_hours", JSONB, nullable=True),
        sa.Column("channels", JSONB, nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evaluated_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_alert_rules_agent_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_alert_rules_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_rules")),
    )
    op.create_index(op.f("ix_alert_rules_agent_id"), "alert_rules", ["agent_id"], unique=False)
    op.create_index(op.f("ix_alert_rules_project_id"), "alert_rules", ["project_id"], unique=False)
    op.create_table(
        "alert_firings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("evidence", JSONB, nullable=False),
        sa.Column("told", JSONB, server_default=sa.text("'[]'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fired_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_alert_firings_call_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_alert_firings_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["alert_rules.id"], name=op.f("fk_alert_firings_rule_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_firings")),
    )
    op.create_index(op.f("ix_alert_firings_call_id"), "alert_firings", ["call_id"], unique=False)
    op.create_index(op.f("ix_alert_firings_project_id"), "alert_firings", ["project_id"], unique=False)
    op.create_index("ix_alert_firings_rule_fired", "alert_firings", ["rule_id", "fired_at", "id"], unique=False)
    op.create_index(
        "ix_alert_firings_untold",
        "alert_firings",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_index("uq_alert_firings_once", "alert_firings", ["rule_id", "subject", "fired_at"], unique=True)


def _add_problems() -> None:
    op.create_table(
        "call_problems",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_call_problems_agent_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_call_problems_call_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_call_problems_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_problems")),
    )
    op.create_index(op.f("ix_call_problems_agent_id"), "call_problems", ["agent_id"], unique=False)
    op.create_index(op.f("ix_call_problems_call_id"), "call_problems", ["call_id"], unique=False)
    op.create_index("ix_call_problems_project_at", "call_problems", ["project_id", "at"], unique=False)


def _add_live_tokens() -> None:
    op.create_table(
        "live_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_live_tokens_call_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_live_tokens_key_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_live_tokens_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_live_tokens")),
    )
    for column in ("call_id", "expires_at", "key_id", "project_id"):
        op.create_index(op.f(f"ix_live_tokens_{column}"), "live_tokens", [column], unique=False)


def _widen_what_exists() -> None:
    op.add_column("agents", sa.Column("max_concurrent_calls", sa.Integer(), nullable=True))
    op.add_column("agents", sa.Column("analysis", JSONB, nullable=True))
    op.add_column("transcripts", sa.Column("is_human", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("calls", sa.Column("stage", JSONB, nullable=True))
    op.add_column("calls", sa.Column("is_handed_on", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("calls", sa.Column("is_test", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("calls", sa.Column("routing", JSONB, nullable=True))
    op.add_column("calls", sa.Column("talk", JSONB, nullable=True))
    op.create_index("ix_calls_from", "calls", ["project_id", "from_number", "created_at"], unique=False)
    op.create_index("ix_calls_to", "calls", ["project_id", "to_number", "created_at"], unique=False)
    op.create_index("ix_calls_project_started", "calls", ["project_id", "started_at"], unique=False)
    op.create_index("ix_calls_project_ended", "calls", ["project_id", "ended_at"], unique=False)
    op.create_index("ix_transcripts_project_created", "transcripts", ["project_id", "created_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_transcripts_project_created", table_name="transcripts")
    op.drop_index("ix_calls_project_ended", table_name="calls")
    op.drop_index("ix_calls_project_started", table_name="calls")
    op.drop_index("ix_calls_to", table_name="calls")
    op.drop_index("ix_calls_from", table_name="calls")
    op.drop_column("calls", "talk")
    op.drop_column("calls", "routing")
    op.drop_column("calls", "is_test")
    op.drop_column("calls", "is_handed_on")
    op.drop_column("calls", "stage")
    op.drop_column("transcripts", "is_human")
    op.drop_column("agents", "analysis")
    op.drop_column("agents", "max_concurrent_calls")
    op.drop_index("uq_voicemails_call", table_name="voicemails")
    op.drop_index("ix_voicemails_project_created", table_name="voicemails")
    op.drop_index(op.f("ix_voicemails_number_id"), table_name="voicemails")
    op.drop_index(op.f("ix_voicemails_agent_id"), table_name="voicemails")
    op.drop_table("voicemails")
    op.drop_index(op.f("ix_queue_entries_queue_id"), table_name="queue_entries")
    op.drop_index(
        "ix_queue_entries_open",
        table_name="queue_entries",
        postgresql_where=sa.text("status IN ('waiting', 'callback')"),
    )
    op.drop_index("ix_queue_entries_lane", table_name="queue_entries")
    op.drop_index(op.f("ix_queue_entries_callback_call_id"), table_name="queue_entries")
    op.drop_index(op.f("ix_queue_entries_call_id"), table_name="queue_entries")
    op.drop_index(op.f("ix_queue_entries_agent_id"), table_name="queue_entries")
    op.drop_table("queue_entries")
    op.drop_index("uq_analyses_call", table_name="analyses")
    op.drop_index("ix_analyses_project_created", table_name="analyses")
    op.drop_index("ix_analyses_pending", table_name="analyses", postgresql_where=sa.text("status = 'pending'"))
    op.drop_index(op.f("ix_analyses_agent_id"), table_name="analyses")
    op.drop_table("analyses")
    op.drop_table("call_problems")
    op.drop_table("live_tokens")
    op.drop_index("uq_alert_firings_once", table_name="alert_firings")
    op.drop_index(
        "ix_alert_firings_untold", table_name="alert_firings", postgresql_where=sa.text("next_at IS NOT NULL")
    )
    op.drop_index("ix_alert_firings_rule_fired", table_name="alert_firings")
    op.drop_index(op.f("ix_alert_firings_project_id"), table_name="alert_firings")
    op.drop_index(op.f("ix_alert_firings_call_id"), table_name="alert_firings")
    op.drop_table("alert_firings")
    op.drop_index(op.f("ix_alert_rules_project_id"), table_name="alert_rules")
    op.drop_index(op.f("ix_alert_rules_agent_id"), table_name="alert_rules")
    op.drop_table("alert_rules")
    op.drop_index(op.f("ix_queues_project_id"), table_name="queues")
    op.drop_table("queues")
    op.drop_table("health_states")
