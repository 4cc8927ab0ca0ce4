"""Move the categories from a text column of deals into their own table.

The downgrade is rejected if the name of a category contains a comma, which separates the names in the text. It loses
categories without deals.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-23 10:30:00+00:00
"""

import sqlalchemy as sa
from alembic import op

from app.db.migrations import reject_if_found

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None

_PLAIN_TEXT_CHECK = (
    r"name <> '' AND name = btrim(name) AND name IS NFC NORMALIZED AND name !~ '[\u0001-\u001F\u007F-\u009F]'"
)

_NAMES = """
    SELECT deals.id AS deal_id, normalize(btrim(part, E' \\t\\r\\n'), NFC) AS name
    FROM deals CROSS JOIN LATERAL unnest(string_to_array(deals.categories, ',')) AS part
    WHERE btrim(part, E' \\t\\r\\n') <> ''
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    op.create_table(
        "categories",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(50), nullable=False),
        sa.CheckConstraint(_PLAIN_TEXT_CHECK, name=op.f("ck_categories_name_is_plain")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_categories")),
    )
    op.create_index("uq_categories_lower_name", "categories", [sa.text("lower(name)")], unique=True)
    op.create_table(
        "deal_categories",
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("category_id", sa.BigInteger(), nullable=False),
    )
    op.execute(f"INSERT INTO categories (name) SELECT min(name) FROM ({_NAMES}) p GROUP BY lower(name) ORDER BY 1")  # noqa: S608  only constants of this file
    op.execute(
        "INSERT INTO deal_categories (deal_id, category_id) SELECT DISTINCT p.deal_id, categories.id"  # noqa: S608  only constants of this file
        f" FROM ({_NAMES}) p JOIN categories ON lower(categories.name) = lower(p.name)"
    )
    op.create_primary_key(op.f("pk_deal_categories"), "deal_categories", ["deal_id", "category_id"])
    op.create_index("ix_deal_categories_category_id_deal_id", "deal_categories", ["category_id", "deal_id"])
    op.create_foreign_key(
        op.f("fk_deal_categories_deal_id_deals"), "deal_categories", "deals", ["deal_id"], ["id"], ondelete="CASCADE"
    )
    op.create_foreign_key(
        op.f("fk_deal_categories_category_id_categories"), "deal_categories", "categories", ["category_id"], ["id"]
    )
    op.drop_column("deals", "categories")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    op.execute("LOCK TABLE categories, deals, deal_categories IN ACCESS EXCLUSIVE MODE")
    reject_if_found(
        "SELECT name FROM categories WHERE name LIKE '%,%' ORDER BY id",
        "The name of the category '{}' contains a comma, so the downgrade would split it: rename it first.",
    )
    op.add_column("deals", sa.Column("categories", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.execute(
        """
        UPDATE deals SET categories = filed.names
        FROM (
            SELECT deal_id, string_agg(name, ',' ORDER BY name) AS names
            FROM deal_categories JOIN categories ON categories.id = category_id
            GROUP BY deal_id
        ) filed
        WHERE filed.deal_id = deals.id
        """
    )
    op.drop_table("deal_categories")
    op.drop_table("categories")
