"""The sample data of the experiments: hotels, and deals with one or two categories each."""

from typing import Final

from faults.database import connect

HOTELS: Final = 50
DEALS: Final = 2_000

_INSERT_HOTELS: Final = f"""
    INSERT INTO hotels (name, city, country, phone)
    SELECT 'Hotel ' || n, 'City ' || n % 17, 'Country ' || n % 7, '+1-416-555-' || n FROM generate_series(1, {HOTELS}) n
"""  # noqa: S608  a constant
_INSERT_DEALS: Final = f"""
    INSERT INTO deals (external_id, hotel_id, room_type, star_rating, price_per_night, original_price,
                       discount_percent, checkin_date, checkout_date, is_available)
    SELECT n, 1 + n % {HOTELS}, 'Room ' || n % 9, 1 + n % 5, 50 + n % 400 + 0.99, 600, n % 101,
           date '2026-01-01' + n % 300, date '2026-01-03' + n % 300, n % 4 > 0
    FROM generate_series(1, {DEALS}) n
"""  # noqa: S608  constants
_INSERT_CATEGORIES: Final = (
    "INSERT INTO categories (name) SELECT unnest(ARRAY['luxury', 'family', 'romantic', 'business', 'beach'])",
    "INSERT INTO deal_categories (deal_id, category_id) SELECT id, 1 + id % 5 FROM deals",
    "INSERT INTO deal_categories (deal_id, category_id) SELECT id, 1 + (id + 1) % 5 FROM deals WHERE id % 2 = 0",
)


def insert_sample_data(url: str) -> None:
    """Insert hotels 1 to HOTELS and deals 1 to DEALS into an empty database."""
    with connect(url) as database, database.cursor() as cursor:
        for statement in (_INSERT_HOTELS, _INSERT_DEALS, *_INSERT_CATEGORIES, "VACUUM ANALYZE"):
            cursor.execute(statement)
