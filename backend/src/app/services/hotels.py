"""What one can ask of the hotels, and do to them."""

from app.errors import HotelNotFoundError
from app.models import Hotel
from app.paging import Count, Page
from app.repositories.hotels import HotelRepository, MatchingHotel
from app.schemas.hotels import HotelCreate, HotelPatch, HotelQuery


class HotelService:
    def __init__(self, *, hotels: HotelRepository) -> None:
        self._hotels = hotels

    async def get(self, hotel_id: int) -> Hotel:
        """Raises HotelNotFoundError."""
        hotel = await self._hotels.get(hotel_id)
        if hotel is None:
            raise HotelNotFoundError(hotel_id)
        return hotel

    async def page(self, query: HotelQuery) -> Page[MatchingHotel]:
        found = await self._hotels.page(query, sort=query.sort, skip=query.skip, limit=query.limit + 1)
        return Page(
            items=found[: query.limit],
            total=await self._hotels.count(query),
            total_kind=Count.EXACT,
            skip=query.skip,
            limit=query.limit,
            has_more=len(found) > query.limit,
        )

    async def create(self, new: HotelCreate) -> Hotel:
        """Raises HotelExistsError and InvalidError."""
        hotel = Hotel(**new.model_dump())
        await self._hotels.add(hotel)
        return await self.get(hotel.id)

    async def change(self, hotel_id: int, patch: HotelPatch) -> Hotel:
        """Raises HotelNotFoundError and what `create` raises."""
        hotel = await self.get(hotel_id)
        for name, value in patch.changes().items():
            setattr(hotel, name, value)
        await self._hotels.save()
        return await self.get(hotel_id)

    async def remove(self, hotel_id: int) -> None:
        """Raises HotelNotFoundError and HotelHasDealsError."""
        await self._hotels.remove(hotel_id)
