"""A catalogue of 1,000,000 deals, made within PostgreSQL in the sample's proportions, with a few rare names."""

from typing import Final

from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection

from tests.support.databases import connect

FEW: Final = 20
"""How many deals there are in Smalltown, and in the category `rare`."""

_HOTELS = """
    INSERT INTO hotels (name, city, country, phone)
    SELECT 'Hotel ' || n, 'City ' || n % 17, 'Country ' || n % 16, '+1-' || n FROM generate_series(1, 150) AS n
    UNION ALL SELECT 'Lonely', 'Smalltown', 'Nowhere', '+1-0'
"""
_CATEGORIES = (
    "INSERT INTO categories (name) SELECT unnest(ARRAY['beach', 'business', 'family', 'luxury', 'romantic', 'rare'])"
)
_DEALS = f"""
    INSERT INTO deals (hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
                       checkin_date, checkout_date, is_available, created_at, updated_at)
    SELECT CASE WHEN n % (1000000 / {FEW}) = 11 THEN 151 ELSE 1 + (random() * 149)::int END,
           (ARRAY['Single', 'Double', 'Twin', 'Suite', 'Deluxe', 'Family', 'Executive'])[1 + n % 7],
           (ARRAY[2, 3, 3, 4, 4, 4, 5, 5, 5, 5])[1 + (random() * 9)::int],
           (10 + random() * 600)::numeric(10, 2), 700, (random() * 60)::int, day, day + 3, random() < 0.8, made, made
    FROM generate_series(1, 1000000) AS n,
         LATERAL (SELECT date '2026-01-01' + (random() * 364)::int AS day,
                         timestamptz '2026-01-01 00:00:00+00' + (random() * 300 + 0 * n) * interval '1 day' AS made)
"""  # noqa: S608  only constants of this file
_LINKS = f"""
    INSERT INTO deal_categories (deal_id, category_id)
    SELECT id, 1 + id % 5 FROM deals UNION ALL SELECT id, 1 + (id + 1) % 5 FROM deals WHERE id % 5 < 3
    UNION ALL SELECT id, 6 FROM deals WHERE id % (1000000 / {FEW}) = 7
"""  # noqa: S608  only constants of this file
_ROLLUPS = (
    """
    INSERT INTO deal_rollup
    SELECT hotel_id, star_rating, is_available, count(*), sum(price_per_night) FROM deals GROUP BY 1, 2, 3
    """,
    """
    INSERT INTO category_rollup
    SELECT category_id, hotel_id, star_rating, is_available, count(*), sum(price_per_night)
    FROM deals JOIN deal_categories ON deal_id = id GROUP BY 1, 2, 3, 4
    """,
)
_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename IN ('deals', 'deal_categories') AND indexname LIKE 'ix_%'
"""


def million_deals(url: str) -> connection:
    """Fill the migrated, empty database, and return a connection to it."""
    database = connect(url)
    database.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    with database.cursor() as cursor:
        cursor.execute(_INDEXES)
        indexes = cursor.fetchall()
        # Without triggers and foreign keys, and with indexes made at the end, it takes a quarter of the time.
        cursor.execute(
            "SET session_replication_role = replica; SET maintenance_work_mem = '256MB'; SELECT setseed(0.5)"
        )
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        for statement in (_HOTELS, _CATEGORIES, _DEALS, _LINKS, *_ROLLUPS, *(made for _, made in indexes)):
            cursor.execute(statement)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("RESET session_replication_role")
    return database
