"""Hotels as they are shown: with their average, and in a search with what their matching deals come to."""

from typing import NamedTuple

from app.db.reading import Asks, Row
from app.repositories.filters import Given
from app.repositories.hotel_questions import hotel_by_id, hotels_page
from app.schemas.filters import DealFilters
from app.schemas.hotels import HotelSort


class HotelViewPage(NamedTuple):
    hotels: list[Row]
    total: int
    """How many hotels have a deal that matches, in the same snapshot as the page."""


class HotelViews:
    def __init__(self, database: Asks) -> None:
        self._database = database

    async def get(self, hotel_id: int) -> Row | None:
        """The hotel as it is in the database now."""
        rows = await self._database.rows(hotel_by_id(), {"hotel_id": hotel_id})
        return rows[0] if rows else None

    async def page(self, filters: DealFilters, *, sort: HotelSort, skip: int, limit: int) -> HotelViewPage:
        """The hotels that have a deal matching `filters`, in the order of `sort`."""
        given = Given.by(filters)
        rows = await self._database.rows(hotels_page(given.shape, sort, limit=limit), given.values | {"skip": skip})
        return HotelViewPage([row for row in rows if row["id"] is not None], rows[0]["total"])
