"""Questions about hotels, and the few ways to change them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Subquery, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer
from sqlalchemy.orm.exc import StaleDataError

from app.db.violations import violations
from app.errors import AppError, HotelExistsError, HotelHasDealsError, HotelNotFoundError
from app.models import Deal, Hotel
from app.repositories.filters import conditions
from app.repositories.plain_text import plain_text_rules
from app.schemas.filters import DealFilters
from app.schemas.hotels import HotelSort

_SHOWN: Final = undefer(Hotel.avg_star_rating)
_RULES: Final[Mapping[str, Callable[[], AppError]]] = {
    "uq_hotels_phone": HotelExistsError,
    "uq_hotels_name_city_country": HotelExistsError,
    "fk_deals_hotel_id_hotels": HotelHasDealsError,
    **plain_text_rules("hotels", name="name", city="city", country="country", phone="phone"),
}


@dataclass(frozen=True, slots=True)
class MatchingHotel:
    """A hotel with what its matching deals come to."""

    id: int
    name: str
    city: str
    country: str
    phone: str
    avg_star_rating: Decimal
    deal_count: int
    min_price: Decimal


class HotelRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, hotel_id: int) -> Hotel | None:
        """The hotel alone, without its average."""
        return await self._session.get(Hotel, hotel_id)

    async def get(self, hotel_id: int) -> Hotel | None:
        """The hotel with its average, as it is in the database now."""
        statement = select(Hotel).where(Hotel.id == hotel_id).options(_SHOWN)
        return await self._session.scalar(statement, execution_options={"populate_existing": True})

    async def page(self, filters: DealFilters, *, sort: HotelSort, skip: int, limit: int) -> list[MatchingHotel]:
        """The hotels that have a deal matching `filters`, in the order of `sort`."""
        matching = _matching(filters)
        columns: dict[str, Any] = {
            "name": Hotel.name,
            "min_price": matching.c.min_price,
            "deal_count": matching.c.deal_count,
            "avg_star_rating": Hotel.avg_star_rating,
        }
        order = [column.desc() if sort.is_descending else column.asc() for column in (columns[sort.field], Hotel.id)]
        statement = (
            select(Hotel.id, Hotel.name, Hotel.city, Hotel.country, Hotel.phone, Hotel.avg_star_rating)
            .add_columns(matching.c.deal_count, matching.c.min_price)
            .join(matching, matching.c.hotel_id == Hotel.id)
            .order_by(*order)
            .offset(skip)
            .limit(limit)
        )
        return [MatchingHotel(*row) for row in await self._session.execute(statement)]

    async def count(self, filters: DealFilters) -> int:
        """How many hotels have a deal matching `filters`."""
        return await self._session.scalar(select(func.count()).select_from(_matching(filters))) or 0

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


def _matching(filters: DealFilters) -> Subquery:
    return (
        select(Deal.hotel_id, func.count().label("deal_count"), func.min(Deal.price_per_night).label("min_price"))
        .where(*conditions(filters))
        .group_by(Deal.hotel_id)
        .subquery()
    )
