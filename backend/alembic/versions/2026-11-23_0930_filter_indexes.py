"""Create an index for every column that lists filter or sort by.

The downgrade loses no data.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-23 09:30:00+00:00
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

_DEALS = {
    "ix_deals_hotel_id_star_rating_price_per_night": ["hotel_id", "star_rating", "price_per_night"],
    "ix_deals_star_rating_id": ["star_rating", "id"],
    "ix_deals_price_per_night_id": ["price_per_night", "id"],
    "ix_deals_discount_percent_id": ["discount_percent", "id"],
    "ix_deals_checkin_date_id": ["checkin_date", "id"],
    "ix_deals_created_at_id": ["created_at", "id"],
    "ix_deals_lower_room_type_id": [sa.text("lower(room_type)"), "id"],
}
_HOTELS = {
    "ix_hotels_lower_city": [sa.text("lower(city)")],
    "ix_hotels_lower_country": [sa.text("lower(country)")],
}
_AVAILABLE = "ix_deals_available_hotel_id_price"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    for name, columns in _DEALS.items():
        op.create_index(name, "deals", columns)
    op.create_index(_AVAILABLE, "deals", ["hotel_id", "price_per_night"], postgresql_where=sa.text("is_available"))
    for name, columns in _HOTELS.items():
        op.create_index(name, "hotels", columns)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    for name in _HOTELS:
        op.drop_index(name, "hotels")
    for name in (_AVAILABLE, *_DEALS):
        op.drop_index(name, "deals")
