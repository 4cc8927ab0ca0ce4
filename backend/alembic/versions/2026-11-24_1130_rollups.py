"""Create the rollups, which triggers maintain in the writer's transaction: numbers of deals and sums of their prices.

After each statement that writes deals or their categories, the triggers upsert each rollup once, in the order of its
key, so that concurrent writers wait for each other and do not deadlock. ADR 7 has the order of the locks.

The downgrade loses no data: another upgrade counts the deals again.

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-24 11:30:00+00:00
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None

_DEAL_KEY = "hotel_id, star_rating, is_available"
_CATEGORY_KEY = f"category_id, {_DEAL_KEY}"

# SECURITY DEFINER: roles that may write deals need no privileges on the rollups.
_FUNCTION = """
    CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $body$
    BEGIN
        {body}
        RETURN {result};
    END
    $body$
"""
_UPSERT = """
    INSERT INTO {rollup} AS kept ({key}, deal_count, price_sum)
    SELECT {key}, sum(sign), sum(sign * price_per_night)
    FROM ({moves}) AS moves
    GROUP BY {key}
    HAVING sum(sign) <> 0 OR sum(sign * price_per_night) <> 0
    ORDER BY {key}
    ON CONFLICT ({key}) DO UPDATE
    SET deal_count = kept.deal_count + excluded.deal_count, price_sum = kept.price_sum + excluded.price_sum;
"""
_INSERTED = "SELECT *, 1 AS sign FROM new_deals"
_DELETED = "SELECT *, -1 AS sign FROM old_deals"
_UPDATED = f"{_INSERTED} UNION ALL {_DELETED}"
_UPDATED_LINKS = f"SELECT * FROM ({_UPDATED}) AS deals JOIN deal_categories ON deal_id = deals.id"  # noqa: S608  only constants of this file
_LINKED = "SELECT *, 1 AS sign FROM new_links"
_UNLINKED = "SELECT *, -1 AS sign FROM old_links"

# A link is counted under the values of its deal, so the deal is locked against updates. Like statements that write
# deals, this locks rows of deal_rollup before those of category_rollup.
_LOCK_LINKED_DEALS = f"""
    PERFORM FROM deals WHERE id IN (SELECT deal_id FROM ({{moves}}) AS moves) ORDER BY id FOR NO KEY UPDATE;
    PERFORM FROM deal_rollup
    WHERE ({_DEAL_KEY}) IN (SELECT {_DEAL_KEY} FROM deals JOIN ({{moves}}) AS moves ON deal_id = deals.id)
    ORDER BY {_DEAL_KEY}
    FOR NO KEY UPDATE;
"""  # noqa: S608  only constants of this file


def _upsert_deals(moves: str) -> str:
    return _UPSERT.format(rollup="deal_rollup", key=_DEAL_KEY, moves=moves)


def _upsert_categories(moves: str) -> str:
    return _UPSERT.format(rollup="category_rollup", key=_CATEGORY_KEY, moves=moves)


def _upsert_links(moves: str) -> str:
    linked_deals = f"SELECT * FROM deals JOIN ({moves}) AS moves ON deal_id = deals.id"  # noqa: S608  only constants of this file
    return _LOCK_LINKED_DEALS.format(moves=moves) + _upsert_categories(linked_deals)


_FUNCTIONS = {
    "roll_up_new_deals": (_upsert_deals(_INSERTED), "NULL"),
    "roll_up_changed_deals": (_upsert_deals(_UPDATED) + _upsert_categories(_UPDATED_LINKS), "NULL"),
    "roll_up_removed_deals": (_upsert_deals(_DELETED), "NULL"),
    "roll_up_new_links": (_upsert_links(_LINKED), "NULL"),
    "roll_up_changed_links": (_upsert_links(f"{_LINKED} UNION ALL {_UNLINKED}"), "NULL"),
    "roll_up_removed_links": (_upsert_links(_UNLINKED), "NULL"),
    # The foreign key's cascade would delete the links when their deal is no longer visible to the triggers.
    "unlink_deal": ("DELETE FROM deal_categories WHERE deal_id = OLD.id;", "OLD"),
    "empty_deal_rollup": ("DELETE FROM deal_rollup;", "NULL"),
    "empty_category_rollup": ("DELETE FROM category_rollup;", "NULL"),
}
_TRIGGERS = {
    ("deals", "roll_up_new_deals"): "AFTER INSERT ON deals REFERENCING NEW TABLE AS new_deals FOR EACH STATEMENT",
    ("deals", "roll_up_changed_deals"): (
        "AFTER UPDATE ON deals REFERENCING OLD TABLE AS old_deals NEW TABLE AS new_deals FOR EACH STATEMENT"
    ),
    ("deals", "roll_up_removed_deals"): "AFTER DELETE ON deals REFERENCING OLD TABLE AS old_deals FOR EACH STATEMENT",
    ("deals", "unlink_deal"): "BEFORE DELETE ON deals FOR EACH ROW",
    ("deals", "empty_deal_rollup"): "AFTER TRUNCATE ON deals FOR EACH STATEMENT",
    ("deal_categories", "roll_up_new_links"): (
        "AFTER INSERT ON deal_categories REFERENCING NEW TABLE AS new_links FOR EACH STATEMENT"
    ),
    ("deal_categories", "roll_up_changed_links"): (
        "AFTER UPDATE ON deal_categories REFERENCING OLD TABLE AS old_links NEW TABLE AS new_links FOR EACH STATEMENT"
    ),
    ("deal_categories", "roll_up_removed_links"): (
        "AFTER DELETE ON deal_categories REFERENCING OLD TABLE AS old_links FOR EACH STATEMENT"
    ),
    ("deal_categories", "empty_category_rollup"): "AFTER TRUNCATE ON deal_categories FOR EACH STATEMENT",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    # SECURITY DEFINER functions must not resolve names to a caller's temporary tables.
    op.execute("SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)")
    _create_tables()
    for name, (body, result) in _FUNCTIONS.items():
        op.execute(_FUNCTION.format(name=name, body=body, result=result))
    for (_, name), event in _TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {event} EXECUTE FUNCTION {name}()")
    # CREATE TRIGGER locks out other writers of deals until this transaction ends, so no deal is missed.
    op.execute(_upsert_deals("SELECT *, 1 AS sign FROM deals"))
    op.execute(_upsert_categories("SELECT *, 1 AS sign FROM deals JOIN deal_categories ON deal_id = id"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    for table, name in _TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("category_rollup")
    op.drop_table("deal_rollup")


def _create_tables() -> None:
    op.create_table(
        "deal_rollup",
        *_key_and_sums("deal_rollup"),
        sa.PrimaryKeyConstraint(*_DEAL_KEY.split(", "), name=op.f("pk_deal_rollup")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "category_rollup",
        sa.Column("category_id", sa.BigInteger(), nullable=False),
        *_key_and_sums("category_rollup"),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], op.f("fk_category_rollup_category_id_categories"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(*_CATEGORY_KEY.split(", "), name=op.f("pk_category_rollup")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index("ix_category_rollup_hotel_id", "category_rollup", ["hotel_id"])


def _key_and_sums(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("hotel_id", sa.BigInteger(), nullable=False),
        sa.Column("star_rating", sa.SmallInteger(), nullable=False),
        sa.Column("is_available", sa.Boolean(), nullable=False),
        sa.Column("deal_count", sa.BigInteger(), nullable=False),
        sa.Column("price_sum", sa.Numeric(24, 2), nullable=False),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.id"], op.f(f"fk_{table}_hotel_id_hotels"), ondelete="CASCADE"),
    )
