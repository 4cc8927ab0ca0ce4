"""The few ways to change hotels."""

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from app.db.violations import violations
from app.errors import AppError, HotelExistsError, HotelHasDealsError, HotelNotFoundError
from app.models import Hotel
from app.repositories.plain_text import plain_text_rules

_RULES: Final[Mapping[str, Callable[[], AppError]]] = {
    "uq_hotels_phone": HotelExistsError,
    "uq_hotels_name_city_country": HotelExistsError,
    "fk_deals_hotel_id_hotels": HotelHasDealsError,
    **plain_text_rules("hotels", name="name", city="city", country="country", phone="phone"),
}


class HotelRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, hotel_id: int) -> Hotel | None:
        """The hotel to work on, without its average."""
        return await self._session.get(Hotel, hotel_id)

    async def add(self, hotel: Hotel) -> None:
        """Raises HotelExistsError and InvalidError."""
        self._session.add(hotel)
        await self.save()

    async def save(self) -> None:
        """Write what was changed of hotels. Raises as `add` does, and HotelNotFoundError for one removed meanwhile."""
        try:
            with violations(_RULES):
                await self._session.flush()
        except StaleDataError:
            raise HotelNotFoundError from None

    async def remove(self, hotel_id: int) -> None:
        """Raises HotelNotFoundError and HotelHasDealsError."""
        statement = delete(Hotel).where(Hotel.id == hotel_id).returning(Hotel.id)
        with violations(_RULES):
            removed = await self._session.scalar(statement)
        if removed is None:
            raise HotelNotFoundError(hotel_id)
