"""Create the key that signs cursors, shared by all processes on the database.

The downgrade loses the key: cursors of clients become invalid.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-23 11:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    op.create_table(
        "signing_keys",
        sa.Column("purpose", sa.String(50), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("purpose", name=op.f("pk_signing_keys")),
    )
    # gen_random_uuid() is the only cryptographically strong source that needs no extension; it has 122 random bits.
    op.execute(
        "INSERT INTO signing_keys (purpose, key)"
        " VALUES ('cursor', uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    op.drop_table("signing_keys")
