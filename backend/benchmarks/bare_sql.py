"""The control's statements: one for each request, with all that the answer needs."""

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
    (SELECT round(avg(star_rating), 2) FROM deals WHERE deals.hotel_id = deal.hotel_id)::float8 AS avg_star_rating
"""
_HOTEL: Final = "JOIN hotels ON hotels.id = deal.hotel_id"

# The average of a hotel is taken once a page, and LIMIT is written out: as a parameter it costs a new plan each time.
_PAGE: Final = """
    ORDER BY id LIMIT 20
), rated AS MATERIALIZED (
    SELECT hotel_id, round(avg(star_rating), 2)::float8 AS avg_star_rating
    FROM deals
    WHERE hotel_id IN (SELECT hotel_id FROM deal)
    GROUP BY hotel_id
)
"""
_PAGE_FROM: Final = """
    rated.avg_star_rating, total.total
FROM (SELECT count(*) AS total FROM deals
"""
_PAGE_END: Final = """
) AS total
LEFT JOIN (deal JOIN hotels ON hotels.id = deal.hotel_id JOIN rated ON rated.hotel_id = hotels.id) ON true
ORDER BY deal.id
"""
_MATCH: Final = """
    WHERE hotel_id IN (SELECT hotels.id FROM hotels WHERE lower(city) = lower($1))
        AND star_rating >= $2 AND price_per_night BETWEEN $3 AND $4
"""


def _sql(*parts: str) -> str:
    return "\n".join(parts)


def _page(condition: str) -> str:
    page = _sql("WITH deal AS MATERIALIZED (SELECT * FROM deals", condition, _PAGE)
    return _sql(page, "SELECT", _SHOWN, _CATEGORIES, _PAGE_FROM, condition, _PAGE_END)


LIST: Final = _page("")
FILTERED: Final = _page(_MATCH)
"""$1 city, $2 least stars, $3 lowest and $4 highest price."""

DETAIL: Final = _sql("SELECT", _SHOWN, _CATEGORIES, _AVERAGE, "FROM deals AS deal", _HOTEL, "WHERE deal.id = $1")

# By hotel first: what is joined, and whose city's case is folded, are then 150 rows and not all deals.
STATS: Final = """
    SELECT min(city) AS city, round(sum(prices) / sum(deals), 2)::float8 AS avg_price, sum(deals)::bigint AS deal_count
    FROM (
        SELECT hotel_id, sum(price_per_night) AS prices, count(*) AS deals
        FROM deals
        WHERE is_available
        GROUP BY hotel_id
    ) AS of_hotel
    JOIN hotels ON hotels.id = hotel_id
    GROUP BY lower(city)
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
        SELECT round((sum(star_rating) + deal.star_rating) / (count(*) + 1.0), 2)
        FROM deals
        WHERE deals.hotel_id = deal.hotel_id
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
