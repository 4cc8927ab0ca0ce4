"""Include the filtered columns in the sort indexes, so that filtered pages are found by index-only scans.

The downgrade loses no data.

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-24 12:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None

_SORT_COLUMNS = ("star_rating", "price_per_night", "discount_percent", "checkin_date", "created_at")
_ROOM_TYPE = "ix_deals_lower_room_type_id"
_FILTER_COLUMNS = ("hotel_id", "star_rating", "price_per_night", "discount_percent", "checkin_date", "is_available")


def upgrade() -> None:
    _recreate_indexes(include=_FILTER_COLUMNS)


def downgrade() -> None:
    _recreate_indexes(include=())


def _recreate_indexes(*, include: tuple[str, ...]) -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    for column in _SORT_COLUMNS:
        name = f"ix_deals_{column}_id"
        op.drop_index(name, "deals")
        included = [other for other in include if other != column]
        op.create_index(name, "deals", [column, "id"], postgresql_include=included)
    op.drop_index(_ROOM_TYPE, "deals")
    # An index-only scan of an expression index requires the column itself in the index.
    columns = [sa.text("lower(room_type)"), "id"]
    op.create_index(_ROOM_TYPE, "deals", columns, postgresql_include=["room_type"] if include else [])
