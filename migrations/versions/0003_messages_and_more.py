"""Messages, subscriptions, trunks, recordings, limits, repeated requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_checks_and_keys()
    _add_trunks_and_subscriptions()
    _add_conversations()
    _add_messages()
    _widen_what_exists()
    op.execute("UPDATE numbers SET is_connected = carrier_id IS NOT NULL")
    op.execute(
        "UPDATE deliveries SET target = 'agent' FROM webhooks"
        " WHERE webhooks.id = deliveries.webhook_id AND webhooks.agent_id IS NOT NULL"
    )
    op.execute("UPDATE deliveries SET target = 'call' WHERE webhook_id IS NULL AND status = 'pending'")


def _add_checks_and_keys() -> None:
    op.create_table(
        "diagnostics",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("request", JSONB, nullable=False),
        sa.Column("result", JSONB, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_diagnostics_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_diagnostics")),
    )
    op.create_index(op.f("ix_diagnostics_project_id"), "diagnostics", ["project_id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("sealed_body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_idempotency_keys_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)


def _add_trunks_and_subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("events", JSONB, nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("masked_secret", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("retry_config", JSONB, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_subscriptions_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
    )
    op.create_index(op.f("ix_subscriptions_project_id"), "subscriptions", ["project_id"], unique=False)
    op.create_table(
        "trunks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sip_domain", sa.String(), nullable=False),
        sa.Column("username", sa.String(), nullable=True),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=True),
        sa.Column("registration_required", sa.Boolean(), nullable=False),
        sa.Column("proxy", sa.String(), nullable=True),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("transport", sa.String(), nullable=False),
        sa.Column("codec_preferences", JSONB, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_trunks_project_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trunks")),
    )
    op.create_index(op.f("ix_trunks_project_id"), "trunks", ["project_id"], unique=False)


def _add_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("number_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=True),
        sa.Column("phone_number", sa.String(), nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("conversation_metadata", JSONB, nullable=True),
        sa.Column("message_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_message_preview", sa.String(), nullable=False),
        sa.Column("opted_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_conversations_agent_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["number_id"], ["numbers.id"], name=op.f("fk_conversations_number_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_conversations_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("number_id", "participant", name=op.f("uq_conversations_number_id_participant")),
    )
    op.create_index(op.f("ix_conversations_agent_id"), "conversations", ["agent_id"], unique=False)
    op.create_index(
        "ix_conversations_project_last", "conversations", ["project_id", "last_message_at", "id"], unique=False
    )


def _add_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("number_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=True),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("from_number", sa.String(), nullable=False),
        sa.Column("to_number", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("media_urls", JSONB, server_default=sa.text("'[]'"), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("carrier_message_id", sa.String(), nullable=True),
        sa.Column("credential_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_messages_agent_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_messages_conversation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credentials.id"], name=op.f("fk_messages_credential_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["number_id"], ["numbers.id"], name=op.f("fk_messages_number_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_messages_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index(
        "ix_messages_conversation_created", "messages", ["conversation_id", "created_at", "id"], unique=False
    )
    op.create_index(op.f("ix_messages_agent_id"), "messages", ["agent_id"], unique=False)
    op.create_index("ix_messages_number_created", "messages", ["number_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_messages_unnamed",
        "messages",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("status = 'queued' AND carrier_message_id IS NULL"),
    )
    op.create_index("ix_messages_project_created", "messages", ["project_id", "created_at", "id"], unique=False)
    op.create_index(
        "uq_messages_carrier_message",
        "messages",
        ["project_id", "carrier", "carrier_message_id"],
        unique=True,
        postgresql_where=sa.text("carrier_message_id IS NOT NULL"),
    )


def _widen_what_exists() -> None:
    op.add_column("agents", sa.Column("recording_enabled", sa.Boolean(), nullable=True))
    op.add_column("calls", sa.Column("dialect", sa.String(), server_default="native", nullable=False))
    op.add_column("calls", sa.Column("recording_key", sa.String(), nullable=True))
    op.add_column("calls", sa.Column("recording_bytes", sa.BigInteger(), nullable=True))
    op.add_column("deliveries", sa.Column("subscription_id", sa.String(), nullable=True))
    op.add_column("deliveries", sa.Column("conversation_id", sa.String(), nullable=True))
    op.add_column("deliveries", sa.Column("message_id", sa.String(), nullable=True))
    op.add_column("deliveries", sa.Column("target", sa.String(), server_default="project", nullable=False))
    op.add_column("deliveries", sa.Column("original_id", sa.String(), nullable=True))
    op.create_index(
        "ix_deliveries_open_conversation",
        "deliveries",
        ["conversation_id", "seq"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    for name in ("webhook", "subscription"):
        op.create_index(
            f"ix_deliveries_open_{name}",
            "deliveries",
            [f"{name}_id"],
            unique=False,
            postgresql_where=sa.text("status = 'pending'"),
        )
    key = "COALESCE(webhook_id, subscription_id, project_id || ' ' || left(url, 200))"
    op.add_column("deliveries", sa.Column("target_key", sa.String(), sa.Computed(key, persisted=True), nullable=False))
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["target_key", "next_at", "seq"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_index("ix_deliveries_webhook_id", table_name="deliveries")
    op.drop_constraint("fk_deliveries_webhook_id", "deliveries", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_deliveries_message_id"), "deliveries", "messages", ["message_id"], ["id"], ondelete="CASCADE"
    )
    op.create_foreign_key(
        op.f("fk_deliveries_conversation_id"),
        "deliveries",
        "conversations",
        ["conversation_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.add_column("numbers", sa.Column("is_connected", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.add_column("numbers", sa.Column("routing", JSONB, nullable=True))
    op.add_column("numbers", sa.Column("sip_config", JSONB, nullable=True))
    op.add_column("numbers", sa.Column("dialect", sa.String(), server_default="native", nullable=False))
    op.add_column(
        "projects", sa.Column("recording_enabled", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("projects", sa.Column("number_limit", sa.Integer(), nullable=True))
    op.add_column("projects", sa.Column("concurrent_call_limit", sa.Integer(), nullable=True))
    op.add_column("projects", sa.Column("daily_call_limit", sa.Integer(), nullable=True))
    op.add_column("projects", sa.Column("daily_message_limit", sa.Integer(), nullable=True))
    op.add_column("projects", sa.Column("routing", JSONB, nullable=True))


def downgrade() -> None:
    op.drop_column("projects", "routing")
    op.drop_column("projects", "daily_message_limit")
    op.drop_column("projects", "daily_call_limit")
    op.drop_column("projects", "concurrent_call_limit")
    op.drop_column("projects", "number_limit")
    op.drop_column("projects", "recording_enabled")
    op.drop_column("numbers", "dialect")
    op.drop_column("numbers", "sip_config")
    op.drop_column("numbers", "routing")
    op.drop_column("numbers", "is_connected")
    op.drop_constraint(op.f("fk_deliveries_conversation_id"), "deliveries", type_="foreignkey")
    op.drop_constraint(op.f("fk_deliveries_message_id"), "deliveries", type_="foreignkey")
    op.execute("UPDATE deliveries SET webhook_id = NULL WHERE webhook_id NOT IN (SELECT id FROM webhooks)")
    op.create_foreign_key(
        "fk_deliveries_webhook_id", "deliveries", "webhooks", ["webhook_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index("ix_deliveries_webhook_id", "deliveries", ["webhook_id"], unique=False)
    for name in ("subscription", "webhook"):
        op.drop_index(
            f"ix_deliveries_open_{name}", table_name="deliveries", postgresql_where=sa.text("status = 'pending'")
        )
    op.drop_index(
        "ix_deliveries_open_conversation", table_name="deliveries", postgresql_where=sa.text("status = 'pending'")
    )
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    op.create_index(
        "ix_deliveries_due", "deliveries", ["next_at", "seq"], postgresql_where=sa.text("status = 'pending'")
    )
    op.drop_column("deliveries", "target_key")
    op.drop_column("deliveries", "original_id")
    op.drop_column("deliveries", "target")
    op.drop_column("deliveries", "message_id")
    op.drop_column("deliveries", "conversation_id")
    op.drop_column("deliveries", "subscription_id")
    op.drop_column("calls", "recording_bytes")
    op.drop_column("calls", "recording_key")
    op.drop_column("calls", "dialect")
    op.drop_column("agents", "recording_enabled")
    op.drop_index(
        "uq_messages_carrier_message", table_name="messages", postgresql_where=sa.text("carrier_message_id IS NOT NULL")
    )
    op.drop_index("ix_messages_unnamed", table_name="messages")
    op.drop_index("ix_messages_project_created", table_name="messages")
    op.drop_index("ix_messages_number_created", table_name="messages")
    op.drop_index(op.f("ix_messages_agent_id"), table_name="messages")
    op.drop_index("ix_messages_conversation_created", table_name="messages")
    op.drop_table("messages")
    op.drop_index("ix_conversations_project_last", table_name="conversations")
    op.drop_index(op.f("ix_conversations_agent_id"), table_name="conversations")
    op.drop_table("conversations")
    op.drop_index(op.f("ix_trunks_project_id"), table_name="trunks")
    op.drop_table("trunks")
    op.drop_index(op.f("ix_subscriptions_project_id"), table_name="subscriptions")
    op.drop_table("subscriptions")
    op.drop_index(op.f("ix_idempotency_keys_created_at"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index(op.f("ix_diagnostics_project_id"), table_name="diagnostics")
    op.drop_table("diagnostics")
