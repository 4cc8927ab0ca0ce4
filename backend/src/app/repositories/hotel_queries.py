"""Hotels as they are shown: with their average, and in a search with what their matching deals come to."""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ScalarSelect,
    Select,
    Subquery,
    bindparam,
    cast,
    func,
    select,
    true,
)

from app.db.statements import CompiledStatement, Executor, Row, literal_int
from app.models import CategoryRollup, Deal, Hotel, deal_categories
from app.repositories.search.filters import BoundFilters, FilterKey, where_clauses
from app.repositories.search.totals import Rollup, choose_rollup
from app.schemas.filters import DealFilters
from app.schemas.hotels import HotelSort


class HotelRowPage(NamedTuple):
    hotels: list[Row]
    total: int
    """How many hotels have a deal that matches, in the same snapshot as the page."""


class HotelQueries:
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def get(self, hotel_id: int) -> Row | None:
        """The hotel as it is in the database now."""
        rows = await self._database.fetch_all(get_hotel_statement(), {"hotel_id": hotel_id})
        return rows[0] if rows else None

    async def page(self, filters: DealFilters, *, sort: HotelSort, skip: int, limit: int) -> HotelRowPage:
        """The hotels that have a deal matching `filters`, in the order of `sort`."""
        given = BoundFilters.by(filters)
        rows = await self._database.fetch_all(
            list_hotels_statement(given.shape, sort, limit=limit), given.values | {"skip": skip}
        )
        return HotelRowPage([row for row in rows if row["id"] is not None], rows[0]["total"])


_FIELDS: Final = (
    Hotel.id,
    Hotel.name,
    Hotel.city,
    Hotel.country,
    Hotel.phone,
    Hotel.avg_star_rating.label("avg_star_rating"),
)
_STATEMENT_CACHE_SIZE: Final = 1000
"""How many statements are kept of a kind; to compile another takes a millisecond or two."""


@lru_cache
def get_hotel_statement() -> CompiledStatement[Row]:
    """For `hotel_id`."""
    return CompiledStatement(select(*_FIELDS).where(Hotel.id == bindparam("hotel_id")))


@lru_cache(maxsize=_STATEMENT_CACHE_SIZE)
def list_hotels_statement(shape: FilterKey, sort: HotelSort, *, limit: int) -> CompiledStatement[Row]:
    """For the filters and `skip`: the page with the total, which there is a row for even without a hotel."""
    rollup = choose_rollup(shape)
    matching = (_rolled_up(rollup, shape) if rollup else _grouped(shape)).cte("matching")
    lowest = _lowest_price(rollup, shape) if rollup else matching.c.min_price
    hotels = (
        select(*_FIELDS, matching.c.deal_count, lowest.label("min_price"))
        .join(matching, matching.c.hotel_id == Hotel.id)
        .subquery("hotels")
    )
    order = _order(hotels, sort)
    page = (
        select(hotels)
        .order_by(*order)
        .offset(bindparam("skip", type_=BigInteger))
        .limit(literal_int(limit))
        .subquery("page")
    )
    counted = select(func.count().label("total")).select_from(matching).subquery("counted")
    statement = select(counted.c.total, *page.c).select_from(counted.outerjoin(page, true()))
    return CompiledStatement(statement.order_by(*_order(page, sort)))


def _order(hotels: Subquery, sort: HotelSort) -> list[ColumnElement[Any]]:
    return [column.desc() if sort.is_descending else column.asc() for column in (hotels.c[sort.field], hotels.c.id)]


def _grouped(shape: FilterKey) -> Select[*tuple[Any, ...]]:
    """The deals that match, by hotel."""
    return (
        select(Deal.hotel_id, func.count().label("deal_count"), func.min(Deal.price_per_night).label("min_price"))
        .where(*where_clauses(shape))
        .group_by(Deal.hotel_id)
    )


def _rolled_up(rollup: Rollup, shape: FilterKey) -> Select[*tuple[Any, ...]]:
    """The same from a rollup, which does not know the lowest price."""
    count = func.sum(rollup.deal_count)
    return (
        select(rollup.hotel_id, cast(count, BigInteger).label("deal_count"))
        .where(*where_clauses(shape, of=rollup))
        .group_by(rollup.hotel_id)
        .having(count > literal_int(0))
    )


def _lowest_price(rollup: Rollup, shape: FilterKey) -> ScalarSelect[Any]:
    """Of the hotel's matching deals: an index has the cheapest for each of its rows in the rollup.

    PostgreSQL leaves it until the page is found, unless it sorts by it.
    """
    alike = (Deal.hotel_id == rollup.hotel_id, Deal.star_rating == rollup.star_rating)
    cheapest = select(Deal.price_per_night).where(*alike, Deal.is_available == rollup.is_available)
    if rollup is CategoryRollup:
        filed = deal_categories.c.category_id == CategoryRollup.category_id
        link = select(deal_categories).where(deal_categories.c.deal_id == Deal.id, filed)
        cheapest = cheapest.where(link.correlate(Deal, CategoryRollup).exists())
    first = cheapest.order_by(Deal.price_per_night).limit(literal_int(1)).lateral("cheapest")
    return (
        select(func.min(first.c.price_per_night))
        .select_from(rollup)
        .join(first, true())
        .where(rollup.hotel_id == Hotel.id, rollup.deal_count > literal_int(0), *where_clauses(shape, of=rollup))
        .scalar_subquery()
    )
