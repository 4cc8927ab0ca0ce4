"""The rollups: how many deals there are and what they cost together, kept by triggers in the writer's transaction.

Each statement that writes deals or their categories ends with one upsert a rollup, in the order of the rollup's key,
so that writers queue up and do not deadlock. ADR 7 says who waits for whom.

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

_OF_DEALS = "hotel_id, star_rating, is_available"
_OF_CATEGORIES = f"category_id, {_OF_DEALS}"

# Who may write deals need not be allowed to write the rollups.
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
_ARRIVED = "SELECT *, 1 AS sign FROM new_deals"
_LEFT = "SELECT *, -1 AS sign FROM old_deals"
_MOVED = f"{_ARRIVED} UNION ALL {_LEFT}"
_REFILED = f"SELECT * FROM ({_MOVED}) AS deals JOIN deal_categories ON deal_id = deals.id"  # noqa: S608  only constants of this file
_LINKED = "SELECT *, 1 AS sign FROM new_links"
_UNLINKED = "SELECT *, -1 AS sign FROM old_links"

# A link is counted under what its deal is like, so the deal is kept as it is meanwhile. Its rollup is locked before
# those of its categories, whose order is that of the statements.
_HOLD_LINKED = f"""
    PERFORM FROM deals WHERE id IN (SELECT deal_id FROM ({{moves}}) AS moves) ORDER BY id FOR NO KEY UPDATE;
    PERFORM FROM deal_rollup
    WHERE ({_OF_DEALS}) IN (SELECT {_OF_DEALS} FROM deals JOIN ({{moves}}) AS moves ON deal_id = deals.id)
    ORDER BY {_OF_DEALS}
    FOR NO KEY UPDATE;
"""  # noqa: S608  only constants of this file


def _deals(moves: str) -> str:
    return _UPSERT.format(rollup="deal_rollup", key=_OF_DEALS, moves=moves)


def _categories(moves: str) -> str:
    return _UPSERT.format(rollup="category_rollup", key=_OF_CATEGORIES, moves=moves)


def _links(moves: str) -> str:
    held = f"SELECT * FROM deals JOIN ({moves}) AS moves ON deal_id = deals.id"  # noqa: S608  only constants of this file
    return _HOLD_LINKED.format(moves=moves) + _categories(held)


_FUNCTIONS = {
    "roll_up_new_deals": (_deals(_ARRIVED), "NULL"),
    "roll_up_changed_deals": (_deals(_MOVED) + _categories(_REFILED), "NULL"),
    "roll_up_removed_deals": (_deals(_LEFT), "NULL"),
    "roll_up_new_links": (_links(_LINKED), "NULL"),
    "roll_up_changed_links": (_links(f"{_LINKED} UNION ALL {_UNLINKED}"), "NULL"),
    "roll_up_removed_links": (_links(_UNLINKED), "NULL"),
    # Left to the foreign key's cascade, the links would go when their deal can't be seen any more.
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
    # What runs with its owner's rights must not find a caller's temporary tables first.
    op.execute("SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)")
    _create_tables()
    for name, (body, result) in _FUNCTIONS.items():
        op.execute(_FUNCTION.format(name=name, body=body, result=result))
    for (_, name), event in _TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {event} EXECUTE FUNCTION {name}()")
    # From here on no other transaction writes deals until this one ends, so what is filled in is all there is.
    op.execute(_deals("SELECT *, 1 AS sign FROM deals"))
    op.execute(_categories("SELECT *, 1 AS sign FROM deals JOIN deal_categories ON deal_id = id"))


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
        sa.PrimaryKeyConstraint(*_OF_DEALS.split(", "), name=op.f("pk_deal_rollup")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "category_rollup",
        sa.Column("category_id", sa.BigInteger(), nullable=False),
        *_key_and_sums("category_rollup"),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], op.f("fk_category_rollup_category_id_categories"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(*_OF_CATEGORIES.split(", "), name=op.f("pk_category_rollup")),
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
