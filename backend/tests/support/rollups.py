"""What the rollups keep that can't be counted, and what can be counted that they do not keep."""

from typing import Final

from sqlalchemy import text

from tests.support.service import Service

WRONG: Final = """
    WITH kept AS (
        SELECT NULL AS category_id, hotel_id, star_rating, is_available, deal_count, price_sum FROM deal_rollup
        UNION ALL
        SELECT category_id::text, hotel_id, star_rating, is_available, deal_count, price_sum FROM category_rollup
    ), counted AS (
        SELECT NULL, hotel_id, star_rating, is_available, count(*), sum(price_per_night)
        FROM deals GROUP BY hotel_id, star_rating, is_available
        UNION ALL
        SELECT category_id::text, hotel_id, star_rating, is_available, count(*), sum(price_per_night)
        FROM deals JOIN deal_categories ON deal_id = id GROUP BY category_id, hotel_id, star_rating, is_available
    )
    (SELECT 'kept', * FROM kept WHERE deal_count <> 0 OR price_sum <> 0 EXCEPT ALL SELECT 'kept', * FROM counted)
    UNION ALL
    (SELECT 'counted', * FROM counted EXCEPT ALL SELECT 'counted', * FROM kept)
"""
"""No row of this is right."""


async def wrong(service: Service) -> list[tuple[object, ...]]:
    """The rows of the rollups that are not as the deals are."""
    async with service.database.sessions() as session:
        return [tuple(row) for row in await session.execute(text(WRONG))]
