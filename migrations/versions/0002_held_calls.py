"""When a replica last said that it holds a call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_calls_unfinished",
        "calls",
        ["created_at"],
        postgresql_where=sa.text("status NOT IN ('completed', 'failed')"),
    )


def downgrade() -> None:
    op.drop_index("ix_calls_unfinished", "calls")
    op.drop_column("calls", "held_at")
