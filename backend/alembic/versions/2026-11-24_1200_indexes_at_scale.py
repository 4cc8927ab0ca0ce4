"""The indexes of the sorts have what the filters ask for, so that a filtered walk reads no more than the index.

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

_SORTS = ("star_rating", "price_per_night", "discount_percent", "checkin_date", "created_at")
_ROOM_TYPE = "ix_deals_lower_room_type_id"
_FILTERED = ("hotel_id", "star_rating", "price_per_night", "discount_percent", "checkin_date", "is_available")


def upgrade() -> None:
    _make_anew(include=_FILTERED)


def downgrade() -> None:
    _make_anew(include=())


def _make_anew(*, include: tuple[str, ...]) -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    for column in _SORTS:
        name = f"ix_deals_{column}_id"
        op.drop_index(name, "deals")
        others = [other for other in include if other != column]
        op.create_index(name, "deals", [column, "id"], postgresql_include=others)
    op.drop_index(_ROOM_TYPE, "deals")
    # Of an expression PostgreSQL reads the index alone only if the column itself is in it too.
    columns = [sa.text("lower(room_type)"), "id"]
    op.create_index(_ROOM_TYPE, "deals", columns, postgresql_include=["room_type"] if include else [])
