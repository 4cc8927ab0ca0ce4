"""Compare the rollups with the deals."""

from typing import Final

from sqlalchemy import text

from tests.support.service import Service

MISMATCHES: Final = """
    WITH stored AS (
        SELECT NULL AS category_id, hotel_id, star_rating, is_available, deal_count, price_sum FROM deal_rollup
        UNION ALL
        SELECT category_id::text, hotel_id, star_rating, is_available, deal_count, price_sum FROM category_rollup
    ), actual AS (
        SELECT NULL, hotel_id, star_rating, is_available, count(*), sum(price_per_night)
        FROM deals GROUP BY hotel_id, star_rating, is_available
        UNION ALL
        SELECT category_id::text, hotel_id, star_rating, is_available, count(*), sum(price_per_night)
        FROM deals JOIN deal_categories ON deal_id = id GROUP BY category_id, hotel_id, star_rating, is_available
    )
    (SELECT 'stored', * FROM stored WHERE deal_count <> 0 OR price_sum <> 0 EXCEPT ALL SELECT 'stored', * FROM actual)
    UNION ALL
    (SELECT 'actual', * FROM actual EXCEPT ALL SELECT 'actual', * FROM stored)
"""
"""Selects the stored rows that are wrong and the actual ones that are not stored; none if the rollups are correct."""


async def find_mismatches(service: Service) -> list[tuple[object, ...]]:
    """Return the rows in which the rollups and the deals differ."""
    async with service.database.sessions() as session:
        return [tuple(row) for row in await session.execute(text(MISMATCHES))]
