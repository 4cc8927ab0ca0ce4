"""Create hotels and deals.

The downgrade is rejected if there are any.

Revision ID: 0001
Revises:
Create Date: 2026-11-23 09:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

from app.db.migrations import reject_if_found

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def _plain_text_check(column: str) -> str:
    return (
        f"{column} <> '' AND {column} = btrim({column}) AND {column} IS NFC NORMALIZED"
        rf" AND {column} !~ '[\u0001-\u001F\u007F-\u009F]'"
    )


def _date_range_check(column: str) -> str:
    return f"{column} >= '2000-01-01 00:00:00+00' AND {column} <= '2100-01-01 00:00:00+00'"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    op.create_table(
        "hotels",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("city", sa.String(100), nullable=False),
        sa.Column("country", sa.String(100), nullable=False),
        sa.Column("phone", sa.String(32), nullable=False),
        *(
            sa.CheckConstraint(_plain_text_check(column), name=op.f(f"ck_hotels_{column}_is_plain"))
            for column in ("name", "city", "country", "phone")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hotels")),
        sa.UniqueConstraint("name", "city", "country", name=op.f("uq_hotels_name_city_country")),
        sa.UniqueConstraint("phone", name=op.f("uq_hotels_phone")),
    )
    op.create_table(
        "deals",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("external_id", sa.BigInteger(), nullable=True),
        sa.Column("hotel_id", sa.BigInteger(), nullable=False),
        sa.Column("room_type", sa.String(100), nullable=False),
        sa.Column("star_rating", sa.SmallInteger(), nullable=False),
        sa.Column("price_per_night", sa.Numeric(10, 2), nullable=False),
        sa.Column("original_price", sa.Numeric(10, 2), nullable=False),
        sa.Column("discount_percent", sa.SmallInteger(), nullable=False),
        sa.Column("checkin_date", sa.Date(), nullable=False),
        sa.Column("checkout_date", sa.Date(), nullable=False),
        sa.Column("is_available", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("categories", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint(_plain_text_check("room_type"), name=op.f("ck_deals_room_type_is_plain")),
        sa.CheckConstraint("star_rating BETWEEN 1 AND 5", name=op.f("ck_deals_star_rating_from_1_to_5")),
        sa.CheckConstraint("price_per_night > 0", name=op.f("ck_deals_price_per_night_is_positive")),
        sa.CheckConstraint("original_price > 0", name=op.f("ck_deals_original_price_is_positive")),
        sa.CheckConstraint("discount_percent BETWEEN 0 AND 100", name=op.f("ck_deals_discount_percent_from_0_to_100")),
        sa.CheckConstraint("checkout_date > checkin_date", name=op.f("ck_deals_checkout_after_checkin")),
        *(
            sa.CheckConstraint(_date_range_check(column), name=op.f(f"ck_deals_{column}_within_the_calendar"))
            for column in ("checkin_date", "checkout_date", "created_at")
        ),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.id"], name=op.f("fk_deals_hotel_id_hotels")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deals")),
        sa.UniqueConstraint("external_id", name=op.f("uq_deals_external_id")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '5min'")
    op.execute("LOCK TABLE hotels, deals IN ACCESS EXCLUSIVE MODE")
    reject_if_found("SELECT FROM hotels", "The downgrade would delete all hotels and deals: delete them first.")
    op.drop_table("deals")
    op.drop_table("hotels")
