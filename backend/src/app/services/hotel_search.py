"""What one can ask of the hotels."""

from app.db.reading import Row
from app.errors import HotelNotFoundError
from app.paging import Count, Page
from app.repositories.hotel_views import HotelViews
from app.schemas.hotels import HotelQuery


class HotelSearch:
    def __init__(self, *, views: HotelViews) -> None:
        self._views = views

    async def get(self, hotel_id: int) -> Row:
        """Raises HotelNotFoundError."""
        hotel = await self._views.get(hotel_id)
        if hotel is None:
            raise HotelNotFoundError(hotel_id)
        return hotel

    async def page(self, query: HotelQuery) -> Page[Row]:
        found, total = await self._views.page(query, sort=query.sort, skip=query.skip, limit=query.limit + 1)
        return Page(
            items=found[: query.limit],
            total=total,
            total_kind=Count.EXACT,
            skip=query.skip,
            limit=query.limit,
            has_more=len(found) > query.limit,
        )
