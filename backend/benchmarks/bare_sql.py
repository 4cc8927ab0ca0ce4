"""The control's statements: one for each request, with all that the answer needs. They use the rollups too."""

from typing import Final

_SHOWN: Final = """
    deal.id, deal.external_id, deal.room_type, deal.star_rating, deal.price_per_night::float8,
    deal.original_price::float8, deal.discount_percent, deal.checkin_date, deal.checkout_date, deal.is_available,
    deal.version, deal.created_at, deal.updated_at,
    hotels.id AS hotel_id, hotels.name, hotels.city, hotels.country, hotels.phone,
"""
_CATEGORIES: Final = """
    ARRAY(
        SELECT categories.name
        FROM deal_categories JOIN categories ON categories.id = deal_categories.category_id
        WHERE deal_categories.deal_id = deal.id
        ORDER BY categories.name
    ) AS categories,
"""
_AVERAGE: Final = """
    (
        SELECT round(sum(star_rating * deal_count) / nullif(sum(deal_count), 0), 2)
        FROM deal_rollup
        WHERE deal_rollup.hotel_id = hotels.id
    )::float8 AS avg_star_rating
"""
_HOTEL: Final = "JOIN hotels ON hotels.id = deal.hotel_id"

# LIMIT is written out: as a parameter it costs a new plan each time.
_PAGE_END: Final = """
) AS total
LEFT JOIN (deal JOIN hotels ON hotels.id = deal.hotel_id) ON true
ORDER BY deal.id
"""
_MATCH: Final = """
    WHERE hotel_id IN (SELECT hotels.id FROM hotels WHERE lower(city) = lower($1))
        AND star_rating >= $2 AND price_per_night BETWEEN $3 AND $4
"""


def _sql(*parts: str) -> str:
    return "\n".join(parts)


def _page(condition: str, count: str) -> str:
    page = _sql("WITH deal AS (SELECT * FROM deals", condition, "ORDER BY id LIMIT 20)")
    return _sql(page, "SELECT", _SHOWN, _CATEGORIES, _AVERAGE, ", total.total FROM (", count, _PAGE_END)


LIST: Final = _page("", "SELECT sum(deal_count)::bigint AS total FROM deal_rollup")
FILTERED: Final = _page(_MATCH, _sql("SELECT count(*) AS total FROM deals", _MATCH))
"""$1 city, $2 least stars, $3 lowest and $4 highest price."""

DETAIL: Final = _sql("SELECT", _SHOWN, _CATEGORIES, _AVERAGE, "FROM deals AS deal", _HOTEL, "WHERE deal.id = $1")

STATS: Final = """
    SELECT
        min(city) AS city, round(sum(price_sum) / sum(deal_count), 2)::float8 AS avg_price,
        sum(deal_count)::bigint AS deal_count
    FROM deal_rollup JOIN hotels ON hotels.id = hotel_id
    WHERE is_available
    GROUP BY lower(city)
    HAVING sum(deal_count) > 0
    ORDER BY lower(city)
"""

_INSERT: Final = """
WITH deal AS (
    INSERT INTO deals (
        hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent, checkin_date, checkout_date
    )
    SELECT id, $2, $3::smallint, $4, $5, $6::smallint, $7, $8 FROM hotels WHERE id = $1
    RETURNING *
), linked AS (
    INSERT INTO deal_categories (deal_id, category_id)
    SELECT deal.id, categories.id
    FROM deal, categories
    WHERE lower(categories.name) IN (SELECT lower(name) FROM unnest($9::text[]) AS wanted (name))
    RETURNING category_id
)
"""
_INSERTED: Final = """
    ARRAY(SELECT name FROM linked JOIN categories ON categories.id = category_id ORDER BY name) AS categories,
    (
        SELECT round(
            (coalesce(sum(star_rating * deal_count), 0) + deal.star_rating) / (coalesce(sum(deal_count), 0) + 1), 2
        )
        FROM deal_rollup
        WHERE deal_rollup.hotel_id = deal.hotel_id
    )::float8 AS avg_star_rating
FROM deal
"""
CREATE: Final = _sql(_INSERT, "SELECT", _SHOWN, _INSERTED, _HOTEL)
"""$1 hotel, $2 to $8 the columns, $9 the names of categories, which must be there. No row: there is no such hotel."""

_UPDATE: Final = """
WITH deal AS (
    UPDATE deals
    SET price_per_night = $3, version = version + 1, updated_at = now()
    WHERE id = $1 AND version = $2
    RETURNING *
)
"""
CHANGE: Final = _sql(_UPDATE, "SELECT", _SHOWN, _CATEGORIES, _AVERAGE, "FROM deal", _HOTEL)
"""$1 deal, $2 its version, $3 the price. No row: there is no such deal, or it has another version."""
