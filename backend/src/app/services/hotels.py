"""What one can do to the hotels."""

from app.db.reading import Row
from app.models import Hotel
from app.repositories.hotels import HotelRepository
from app.schemas.hotels import HotelCreate, HotelPatch
from app.services.hotel_search import HotelSearch
from app.services.idempotency import Once


class HotelService:
    def __init__(self, *, hotels: HotelRepository, search: HotelSearch) -> None:
        self._hotels = hotels
        self._search = search

    async def create(self, new: HotelCreate, *, once: Once) -> Row:
        """Raises HotelExistsError, InvalidError and what `once` raises."""
        await once.begin(new)
        hotel = Hotel(**new.model_dump())
        await self._hotels.add(hotel)
        return await self._search.get(hotel.id)

    async def change(self, hotel_id: int, patch: HotelPatch) -> Row:
        """Raises HotelNotFoundError and what `create` raises. Nothing sent changes nothing."""
        if changes := patch.changes():
            await self._hotels.save(hotel_id, changes)
        return await self._search.get(hotel_id)

    async def remove(self, hotel_id: int) -> None:
        """Raises HotelNotFoundError and HotelHasDealsError."""
        await self._hotels.remove(hotel_id)
