"""Questions about deals, and the few ways to change them."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, joinedload
from sqlalchemy.orm.exc import StaleDataError

from app.db.violations import violations
from app.errors import AppError, ExternalIdTakenError, HotelNotFoundError
from app.models import Deal, Hotel
from app.paging import After, Offset
from app.repositories.estimates import estimated_rows
from app.repositories.filters import conditions
from app.repositories.plain_text import plain_text_rules
from app.schemas.deals import DealSort
from app.schemas.filters import DealFilters

# All in one statement: with a second one for the categories, those might be of another version than the deal.
_SHOWN: Final = (joinedload(Deal.hotel).undefer(Hotel.avg_star_rating), joinedload(Deal.categories))
_RULES: Final[Mapping[str, Callable[[], AppError]]] = {
    "uq_deals_external_id": ExternalIdTakenError,
    "fk_deals_hotel_id_hotels": HotelNotFoundError,
    **plain_text_rules("deals", room_type="room_type"),
}
_COLUMNS: Final[dict[str, InstrumentedAttribute[Any]]] = {
    "id": Deal.id,
    "price_per_night": Deal.price_per_night,
    "star_rating": Deal.star_rating,
    "discount_percent": Deal.discount_percent,
    "checkin_date": Deal.checkin_date,
    "created_at": Deal.created_at,
}


class CityPrices(NamedTuple):
    """The deals of one city; a city's name is the same whatever its case."""

    city: str
    avg_price: Decimal
    deal_count: int


class DealRepository:
    """Deals come with all that is shown of them: their hotel with its average, and their categories."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, deal_id: int) -> Deal | None:
        """The deal as it is in the database now, whatever this session has seen before."""
        statement = select(Deal).where(Deal.id == deal_id).options(*_SHOWN)
        found = await self._session.scalars(statement, execution_options={"populate_existing": True})
        return found.unique().one_or_none()

    async def page(self, filters: DealFilters, *, sort: DealSort, start: Offset | After, limit: int) -> list[Deal]:
        """Deals in the order of `sort`. The ids are found first: skipped deals are neither joined nor averaged."""
        order = _order(sort)
        ids = _from(start, sort, select(Deal.id).where(*conditions(filters))).order_by(*order).limit(limit)
        shown = select(Deal).where(Deal.id.in_(ids)).options(*_SHOWN).order_by(*order)
        return list((await self._session.scalars(shown)).unique())

    async def count(self, filters: DealFilters) -> int:
        return await self._session.scalar(select(func.count()).select_from(Deal).where(*conditions(filters))) or 0

    async def estimate(self, filters: DealFilters) -> int:
        """The planner's idea of the count."""
        return await estimated_rows(self._session, select(Deal.id).where(*conditions(filters)))

    async def stats(self, filters: DealFilters) -> list[CityPrices]:
        """The matching deals by city, in the order of the cities' names."""
        city = func.lower(Hotel.city)
        statement = (
            select(func.min(Hotel.city), func.round(func.avg(Deal.price_per_night), 2), func.count())
            .join(Deal.hotel)
            .where(*conditions(filters))
            .group_by(city)
            .order_by(city)
        )
        return [CityPrices(*row) for row in await self._session.execute(statement)]

    async def version_of(self, deal_id: int) -> int | None:
        """The version in the database now, None for a deal that is not there."""
        return await self._session.scalar(select(Deal.version).where(Deal.id == deal_id))

    async def add(self, deal: Deal) -> None:
        """Raises ExternalIdTakenError, InvalidError, and HotelNotFoundError for a hotel removed meanwhile."""
        self._session.add(deal)
        with violations(_RULES):
            await self._session.flush()

    async def save(self, deal: Deal) -> bool:
        """Write what was changed of `deal`; False if somebody else changed it first. Raises as `add` does."""
        deal.touch()
        try:
            with violations(_RULES):
                await self._session.flush()
        except StaleDataError:
            await self._session.rollback()
            return False
        return True

    async def remove(self, deal: Deal) -> bool:
        """False if somebody else changed the deal first."""
        # The deal is locked before its links, as `save` does: the other way round the two could deadlock.
        statement = delete(Deal).where(Deal.id == deal.id, Deal.version == deal.version).returning(Deal.id)
        return await self._session.scalar(statement) is not None


def _order(sort: DealSort) -> list[ColumnElement[Any]]:
    return [column.desc() if sort.is_descending else column.asc() for column in _sorted_by(sort)]


def _sorted_by(sort: DealSort) -> list[InstrumentedAttribute[Any]]:
    return [_COLUMNS[field] for field in dict.fromkeys((sort.field, "id"))]


def _from(start: Offset | After, sort: DealSort, ids: Select[int]) -> Select[int]:
    match start:
        case Offset(skip=skip):
            return ids.offset(skip)
        case After(key=key, id=row_id):
            row, last = tuple_(*_sorted_by(sort)), (key, row_id) if sort.field != "id" else (row_id,)
            return ids.where(row < last if sort.is_descending else row > last)
