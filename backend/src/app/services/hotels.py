"""What one can do to the hotels."""

from app.errors import HotelNotFoundError
from app.models import Hotel
from app.pagination import Page, TotalMode
from app.repositories.hotel_queries import HotelListRow, HotelQueries, HotelRow
from app.repositories.hotels import HotelRepository
from app.schemas.hotels import HotelCreate, HotelPatch, HotelQuery
from app.services.idempotency import NoIdempotency


class HotelSearch:
    def __init__(self, *, views: HotelQueries) -> None:
        self._views = views

    async def get(self, hotel_id: int) -> HotelRow:
        """Raises HotelNotFoundError."""
        hotel = await self._views.get(hotel_id)
        if hotel is None:
            raise HotelNotFoundError(hotel_id)
        return hotel

    async def page(self, query: HotelQuery) -> Page[HotelListRow]:
        found, total = await self._views.page(query, sort=query.sort, skip=query.skip, limit=query.limit + 1)
        return Page(
            items=found[: query.limit],
            total=total,
            total_kind=TotalMode.EXACT,
            skip=query.skip,
            limit=query.limit,
            has_more=len(found) > query.limit,
        )


class HotelService:
    def __init__(self, *, hotels: HotelRepository, search: HotelSearch) -> None:
        self._hotels = hotels
        self._search = search

    async def create(self, new: HotelCreate, *, once: NoIdempotency) -> HotelRow:
        """Raises HotelExistsError, InvalidError and what `once` raises."""
        await once.begin(new)
        hotel = Hotel(**new.model_dump())
        await self._hotels.add(hotel)
        return await self._search.get(hotel.id)

    async def update(self, hotel_id: int, patch: HotelPatch) -> HotelRow:
        """Raises HotelNotFoundError and what `create` raises. Nothing sent changes nothing."""
        if changes := patch.changes():
            await self._hotels.save(hotel_id, changes)
        return await self._search.get(hotel_id)

    async def delete(self, hotel_id: int) -> None:
        """Raises HotelNotFoundError and HotelHasDealsError."""
        await self._hotels.remove(hotel_id)
