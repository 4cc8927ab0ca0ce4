"""Fold case by `upper(lower(…))`, which folds all forms of a letter alike, in indexes and unique categories.

Categories that are equal now are merged into the oldest one, with its spelling. The downgrade does not split them.

Writes wait until the new indexes have been built; reads do not. The old indexes are dropped in transactions of their
own, because a transaction that also holds other locks could deadlock with the service. If that fails, the migration can
be repeated.

Revision ID: 0010
Revises: 0009
Create Date: 2026-11-28 09:00:00+00:00
"""

from collections.abc import Callable
from functools import partial

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None

_MERGE_CATEGORIES = """
    CREATE TEMPORARY TABLE merged_categories ON COMMIT DROP AS
    SELECT id, first_id
    FROM (SELECT id, min(id) OVER (PARTITION BY upper(lower(name))) AS first_id FROM categories) AS numbered
    WHERE id <> first_id;
    INSERT INTO deal_categories (deal_id, category_id)
    SELECT DISTINCT deal_id, first_id FROM deal_categories JOIN merged_categories ON id = category_id
    ORDER BY deal_id, first_id
    ON CONFLICT DO NOTHING;
    DELETE FROM deal_categories USING merged_categories WHERE category_id = merged_categories.id;
    DELETE FROM categories USING merged_categories WHERE categories.id = merged_categories.id;
"""


def upgrade() -> None:
    _set_timeouts("SET LOCAL")
    # Lock in the order of the writers: categories, hotels, deals.
    op.execute("LOCK TABLE categories, hotels, deals IN SHARE ROW EXCLUSIVE MODE")
    op.execute(_MERGE_CATEGORIES)
    _create_indexes("folded", "upper(lower({}))".format)
    _drop_indexes("lower")


def downgrade() -> None:
    _set_timeouts("SET LOCAL")
    _create_indexes("lower", "lower({})".format)
    _drop_indexes("folded")


def _set_timeouts(command: str) -> None:
    op.execute(f"{command} lock_timeout = '5s'")
    op.execute(f"{command} statement_timeout = '5min'")


def _create_indexes(name: str, fold: Callable[[str], str]) -> None:
    create = partial(op.create_index, if_not_exists=True)
    create(f"uq_categories_{name}_name", "categories", [sa.text(fold("name"))], unique=True)
    create(f"ix_hotels_{name}_city", "hotels", [sa.text(fold("city"))])
    create(f"ix_hotels_{name}_country", "hotels", [sa.text(fold("country"))])
    room_type = [sa.text(fold("room_type")), "id"]
    create(f"ix_deals_{name}_room_type_id", "deals", room_type, postgresql_include=["room_type"])


def _drop_indexes(name: str) -> None:
    drop = partial(op.drop_index, if_exists=True, postgresql_concurrently=True)
    with op.get_context().autocommit_block():
        _set_timeouts("SET")
        drop(f"uq_categories_{name}_name", "categories")
        drop(f"ix_hotels_{name}_city", "hotels")
        drop(f"ix_hotels_{name}_country", "hotels")
        drop(f"ix_deals_{name}_room_type_id", "deals")
