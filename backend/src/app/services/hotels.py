"""Hotels: search and writes."""

from app.entity_tags import Precondition
from app.errors import HotelNotFoundError
from app.models import Hotel
from app.pagination import Page, TotalMode
from app.repositories.hotel_queries import HotelListRow, HotelQueries, HotelRow
from app.repositories.hotels import HotelRepository
from app.schemas.hotels import HotelCreate, HotelPatch, HotelQuery


class HotelService:
    """Writes, in the transaction of one session."""

    def __init__(self, *, hotels: HotelRepository, queries: HotelQueries) -> None:
        self._hotels = hotels
        self._queries = queries

    async def create(self, new: HotelCreate) -> HotelRow:
        """Raises HotelExistsError and InvalidError."""
        hotel = Hotel(**new.model_dump())
        await self._hotels.add(hotel)
        return await self._get_row(hotel.id)

    async def update(
        self, hotel_id: int, patch: HotelPatch, *, precondition: Precondition[HotelRow] | None = None
    ) -> HotelRow:
        """Raises HotelNotFoundError, and the errors of `create` and of `precondition`. An empty patch has no effect."""
        await self._check(hotel_id, precondition)
        hotel = await self._hotels.get(hotel_id)
        for name, value in patch.changes().items():
            setattr(hotel, name, value)
        await self._hotels.update(hotel)
        return await self._get_row(hotel_id)

    async def delete(self, hotel_id: int, *, precondition: Precondition[HotelRow] | None = None) -> None:
        """Raises HotelNotFoundError, HotelHasDealsError and the errors of `precondition`."""
        await self._check(hotel_id, precondition)
        await self._hotels.delete(hotel_id)

    async def _check(self, hotel_id: int, precondition: Precondition[HotelRow] | None) -> None:
        if precondition is not None:
            await self._hotels.lock(hotel_id)
            precondition(await self._get_row(hotel_id))

    async def _get_row(self, hotel_id: int) -> HotelRow:
        row = await self._queries.get(hotel_id)
        if row is None:
            raise HotelNotFoundError(hotel_id)
        return row


class HotelSearchService:
    """Reads, outside transactions."""

    def __init__(self, *, queries: HotelQueries) -> None:
        self._queries = queries

    async def get(self, hotel_id: int) -> HotelRow:
        """Raises HotelNotFoundError."""
        hotel = await self._queries.get(hotel_id)
        if hotel is None:
            raise HotelNotFoundError(hotel_id)
        return hotel

    async def page(self, query: HotelQuery) -> Page[HotelListRow]:
        found, total = await self._queries.page(query, sort=query.sort, skip=query.skip, limit=query.limit + 1)
        return Page(
            items=found[: query.limit],
            total=total,
            total_kind=TotalMode.EXACT,
            skip=query.skip,
            limit=query.limit,
            has_more=len(found) > query.limit,
        )
