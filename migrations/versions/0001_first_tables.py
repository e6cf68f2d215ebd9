"""The first tables: projects and their keys, agents, numbers, credentials, webhooks, calls, deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_projects()
    create_agents()
    create_api_keys()
    create_credentials()
    create_numbers()
    create_webhooks()
    create_calls()
    create_deliveries()
    create_stream_tokens()
    create_transcripts()


def create_projects() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("name", name="uq_projects_name"),
    )


def create_agents() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String()),
        sa.Column("voice_mode", sa.String(), nullable=False),
        sa.Column("system_prompt", sa.String()),
        sa.Column("begin_message", sa.String()),
        sa.Column("voice", sa.String()),
        sa.Column("transfer_number", sa.String()),
        sa.Column("language", sa.String()),
        sa.Column("speech_to_text", JSONB()),
        sa.Column("text_to_speech", JSONB()),
        sa.Column("language_model", JSONB()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_agents_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
    )
    op.create_index("ix_agents_project_id", "agents", ["project_id"])


def create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("source", sa.String(), server_default="created", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_api_keys_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_key_hash"),
    )
    op.create_index("ix_api_keys_project_id", "api_keys", ["project_id"])


def create_credentials() -> None:
    op.create_table(
        "credentials",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("account_id", sa.String()),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("masked_key", sa.String(), nullable=False),
        sa.Column("details", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_credentials_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_credentials"),
    )
    op.create_index("ix_credentials_project_id", "credentials", ["project_id"])


def create_numbers() -> None:
    op.create_table(
        "numbers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("phone_number", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("status", sa.String(), server_default="active", nullable=False),
        sa.Column("agent_id", sa.String()),
        sa.Column("attached_at", sa.DateTime(timezone=True)),
        sa.Column("friendly_name", sa.String()),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("credential_id", sa.String()),
        sa.Column("carrier_id", sa.String()),
        sa.Column("sealed_config", sa.LargeBinary()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_numbers_agent_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credentials.id"], name="fk_numbers_credential_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_numbers_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_numbers"),
    )
    op.create_index("ix_numbers_agent_id", "numbers", ["agent_id"])
    op.create_index("ix_numbers_project_id", "numbers", ["project_id"])
    op.create_index(
        "uq_numbers_active", "numbers", ["phone_number"], unique=True, postgresql_where=sa.text("status = 'active'")
    )


def create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String()),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(), server_default="active", nullable=False),
        sa.Column("context_limit", sa.Integer(), nullable=False),
        sa.Column("timeout_s", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_webhooks_agent_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_webhooks_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_index(
        "uq_webhooks_agent", "webhooks", ["agent_id"], unique=True, postgresql_where=sa.text("agent_id IS NOT NULL")
    )
    op.create_index(
        "uq_webhooks_project", "webhooks", ["project_id"], unique=True, postgresql_where=sa.text("agent_id IS NULL")
    )


def create_calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String()),
        sa.Column("number_id", sa.String()),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("carrier_call_id", sa.String()),
        sa.Column("credential_id", sa.String()),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("end_reason", sa.String()),
        sa.Column("from_number", sa.String(), nullable=False),
        sa.Column("to_number", sa.String(), nullable=False),
        sa.Column("snapshot", JSONB(), nullable=False),
        sa.Column("webhook_url", sa.String()),
        sa.Column("call_metadata", JSONB()),
        sa.Column("problems", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("last_transcript_snippet", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_calls_agent_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credentials.id"], name="fk_calls_credential_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["number_id"], ["numbers.id"], name="fk_calls_number_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_calls_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
    )
    op.create_index("ix_calls_agent_id", "calls", ["agent_id"])
    op.create_index("ix_calls_number_id", "calls", ["number_id"])
    op.create_index("ix_calls_project_created", "calls", ["project_id", "created_at", "id"])
    op.create_index(
        "uq_calls_carrier_call",
        "calls",
        ["project_id", "carrier", "carrier_call_id"],
        unique=True,
        postgresql_where=sa.text("carrier_call_id IS NOT NULL"),
    )


def create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String()),
        sa.Column("agent_id", sa.String()),
        sa.Column("call_id", sa.String()),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("body", sa.String()),
        sa.Column("status", sa.String(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("http_status", sa.Integer()),
        sa.Column("error_message", sa.String()),
        sa.Column("response_body", sa.String()),
        sa.Column("response_ms", sa.Integer()),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_deliveries_call_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_deliveries_project_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name="fk_deliveries_webhook_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("seq", name="uq_deliveries_seq"),
    )
    op.create_index(
        "ix_deliveries_due", "deliveries", ["next_at", "seq"], postgresql_where=sa.text("status = 'pending'")
    )
    op.create_index(
        "ix_deliveries_open_call", "deliveries", ["call_id", "seq"], postgresql_where=sa.text("status = 'pending'")
    )
    op.create_index("ix_deliveries_project_created", "deliveries", ["project_id", "created_at", "seq"])
    op.create_index("ix_deliveries_webhook_id", "deliveries", ["webhook_id"])


def create_stream_tokens() -> None:
    op.create_table(
        "stream_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_stream_tokens_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_stream_tokens"),
    )
    op.create_index("ix_stream_tokens_call_id", "stream_tokens", ["call_id"])


def create_transcripts() -> None:
    op.create_table(
        "transcripts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("agent", sa.String()),
        sa.Column("was_cut", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("intended", sa.String(), nullable=False),
        sa.Column("latencies", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_transcripts_call_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_transcripts_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_transcripts"),
        sa.UniqueConstraint("call_id", "row", name="uq_transcripts_call_id_row"),
    )
