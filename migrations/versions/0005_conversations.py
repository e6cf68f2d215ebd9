"""How agents behave, webhooks that are asked early, and what became of transfers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agents", sa.Column("conduct", JSONB, nullable=True))
    op.add_column("webhooks", sa.Column("speculative", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("calls", sa.Column("transfers", JSONB, nullable=True))


def downgrade() -> None:
    op.drop_column("calls", "transfers")
    op.drop_column("webhooks", "speculative")
    op.drop_column("agents", "conduct")
