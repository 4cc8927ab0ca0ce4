"""Every index of the models, with requests of the API that it is there for."""

from collections.abc import Mapping
from typing import Final

from app.models import Deal

Uses = Mapping[str, tuple[str, ...]]

USES: Final[Uses] = {
    "ix_deals_hotel_id_star_rating_price_per_night": (
        "/deals/1000",
        "/deals?city=Toronto&min_stars=5&price_max=90",
        "/deals?hotel_id=7",
    ),
    "ix_deals_star_rating_id": ("/deals?sort=star_rating&count=none", "/deals?sort=-star_rating&count=none"),
    "ix_deals_price_per_night_id": ("/deals?sort=price_per_night&count=none", "/deals?price_max=35"),
    "ix_deals_discount_percent_id": ("/deals?sort=-discount_percent&count=none", "/deals?min_discount=60"),
    "ix_deals_checkin_date_id": (
        "/deals?sort=checkin_date&count=none",
        "/deals?checkin_from=2026-03-01&checkin_to=2026-03-02",
    ),
    "ix_deals_created_at_id": ("/deals?sort=-created_at&count=none",),
    "ix_deals_lower_room_type_id": ("/deals?room_type=suite",),
    "ix_deals_available_hotel_id_price": (
        "/deals/stats?city=Toronto",
        "/hotels?city=Toronto&available_only=true&sort=min_price",
    ),
    "ix_deal_categories_category_id_deal_id": ("/deals?category=luxury",),
    "uq_categories_lower_name": ("/deals?category=luxury",),
}

FOR_WRITES: Final = ("ix_category_rollup_hotel_id", "ix_idempotency_keys_created_at")
"""Indexes that no request reads: by them a hotel that goes finds its rows of the rollup, and a purge the old keys."""

RARITIES: Final = (
    """
    INSERT INTO hotels (name, city, country, phone)
    SELECT 'Hotel ' || n, 'City ' || n % 10000, 'Country ' || n % 200, '+00-' || n
    FROM generate_series(1, 100000) AS n
    """,
    "INSERT INTO categories (name) VALUES ('rare')",
    """
    INSERT INTO deal_categories (deal_id, category_id)
    SELECT deals.id, categories.id FROM deals, categories WHERE deals.id <= 100 AND name = 'rare'
    """,
    "UPDATE deals SET room_type = 'Igloo' WHERE id <= 100",
    "VACUUM ANALYZE",
)
"""Makes names rare: of the sample's 150 hotels, 7 room types and 5 categories PostgreSQL rather reads all."""

USES_OF_RARITIES: Final[Uses] = {
    "ix_deals_lower_room_type_id": ("/deals?room_type=igloo",),
    "ix_deal_categories_category_id_deal_id": ("/deals?category=rare",),
    "ix_hotels_lower_city": ("/hotels?city=Toronto", "/deals?city=Toronto&min_stars=5&price_max=90"),
    "ix_hotels_lower_country": ("/hotels?country=Canada", "/deals?country=Canada&min_stars=5&price_max=90"),
}


def check_uses() -> None:
    """Raise LookupError unless there is a use for every index of the models that is not a key's or a constraint's."""
    names = {str(index.name) for table in Deal.metadata.tables.values() for index in table.indexes}
    if difference := names ^ {*USES, *USES_OF_RARITIES, *FOR_WRITES}:
        raise LookupError(f"Of these indexes the use, or of these uses the index is missing: {sorted(difference)}.")
