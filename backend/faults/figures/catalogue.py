"""The catalogue that the campaigns find: hotels, deals with one or two categories each, all of it by counting."""

from typing import Final

from faults.catalogue import connected

HOTELS: Final = 50
DEALS: Final = 2_000
NEW_DEAL: Final = {
    "hotel_id": 1,
    "room_type": "Suite",
    "star_rating": 5,
    "price_per_night": 129.99,
    "original_price": 185.7,
    "discount_percent": 30,
    "checkin_date": "2026-03-01",
    "checkout_date": "2026-03-04",
}
"""A deal like any other."""

_HOTELS: Final = f"""
    INSERT INTO hotels (name, city, country, phone)
    SELECT 'House ' || n, 'City ' || n % 17, 'Country ' || n % 7, '+1-416-555-' || n FROM generate_series(1, {HOTELS}) n
"""  # noqa: S608  a number of ours
_DEALS: Final = f"""
    INSERT INTO deals (external_id, hotel_id, room_type, star_rating, price_per_night, original_price,
                       discount_percent, checkin_date, checkout_date, is_available)
    SELECT n, 1 + n % {HOTELS}, 'Room ' || n % 9, 1 + n % 5, 50 + n % 400 + 0.99, 600, n % 101,
           date '2026-01-01' + n % 300, date '2026-01-03' + n % 300, n % 4 > 0
    FROM generate_series(1, {DEALS}) n
"""  # noqa: S608  numbers of ours
_CATEGORIES: Final = (
    "INSERT INTO categories (name) SELECT unnest(ARRAY['luxury', 'family', 'romantic', 'business', 'beach'])",
    "INSERT INTO deal_categories (deal_id, category_id) SELECT id, 1 + id % 5 FROM deals",
    "INSERT INTO deal_categories (deal_id, category_id) SELECT id, 1 + (id + 1) % 5 FROM deals WHERE id % 2 = 0",
)


def fill(url: str) -> None:
    """Deals 1 to DEALS of hotels 1 to HOTELS, in an empty catalogue."""
    with connected(url) as database, database.cursor() as cursor:
        for statement in (_HOTELS, _DEALS, *_CATEGORIES, "VACUUM ANALYZE"):
            cursor.execute(statement)
