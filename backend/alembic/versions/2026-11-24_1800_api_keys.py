"""Create the API keys, stored as digests.

The downgrade is rejected if there are any, because clients cannot get the same key again.

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-24 18:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

from app.db.migrations import reject_if_found

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None

_CHECKS = {
    "public_id_is_hexadecimal": "public_id ~ '^[0-9a-f]{12}$'",
    "name_is_plain": (
        "name <> '' AND name = btrim(name) AND name IS NFC NORMALIZED"
        r" AND name !~ '[\u0001-\u001F\u007F-\u009F]'"
    ),
    "digest_has_32_bytes": "octet_length(digest) = 32",
    "scopes_are_known": "scopes <@ ARRAY['deals:write', 'deals:admin'] AND cardinality(scopes) > 0",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    op.create_table(
        "api_keys",
        sa.Column("public_id", sa.String(12), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("public_id", name=op.f("pk_api_keys")),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_api_keys_{name}")) for name, rule in _CHECKS.items()),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    op.execute("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
    reject_if_found("SELECT FROM api_keys", "The downgrade would delete all API keys: delete them first.")
    op.drop_table("api_keys")
