"""Add version, for optimistic locking, and updated_at.

The downgrade loses the versions and the times of updates: after another upgrade all versions are 1.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-23 10:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

_DATE_RANGE_CHECK = "updated_at >= '2000-01-01 00:00:00+00' AND updated_at <= '2100-01-01 00:00:00+00'"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    op.add_column("deals", sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column(
        "deals",
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.execute("UPDATE deals SET updated_at = created_at")
    op.create_check_constraint(op.f("ck_deals_updated_at_within_the_calendar"), "deals", _DATE_RANGE_CHECK)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    op.drop_column("deals", "updated_at")
    op.drop_column("deals", "version")
