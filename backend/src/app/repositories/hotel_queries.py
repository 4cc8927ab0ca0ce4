"""Read queries for hotels; a list and a detail are one statement each."""

from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypedDict

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
from sqlalchemy.orm import InstrumentedAttribute

from app.db.statements import CompiledStatement, Executor, literal_int
from app.models import CategoryRollup, Deal, Hotel, deal_categories
from app.repositories.search.filters import FilterKey, Rollup, bind_filters, choose_rollup, where_clauses
from app.schemas.filters import DealFilters
from app.schemas.hotels import HotelSort

HOTEL_COLUMNS: Final[tuple[InstrumentedAttribute[Any], ...]] = (
    *(getattr(Hotel, column.key) for column in Hotel.__table__.columns),
    Hotel.avg_star_rating,
)
_STATEMENT_CACHE_SIZE: Final = 1000
"""Cached statements; compiling one takes one to two milliseconds."""


class HotelRow(TypedDict):
    id: int
    name: str
    city: str
    country: str
    phone: str
    avg_star_rating: Decimal | None


class HotelListRow(HotelRow):
    deal_count: int
    min_price: Decimal


class _HotelRecord(HotelListRow):
    """A row as selected; if no hotel is on the page, one row has the total and is null otherwise."""

    total: int


class HotelRowPage(NamedTuple):
    hotels: list[HotelListRow]
    total: int
    """The number of hotels with a matching deal, from the same snapshot as the page."""


class HotelQueries:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def get(self, hotel_id: int) -> HotelRow | None:
        rows = await self._executor.fetch_all(get_hotel_statement(), {"hotel_id": hotel_id})
        return rows[0] if rows else None

    async def page(self, filters: DealFilters, *, sort: HotelSort, skip: int, limit: int) -> HotelRowPage:
        """The hotels with a matching deal in the order of `sort`."""
        bound = bind_filters(filters)
        statement = list_hotels_statement(bound.key, sort, limit=limit)
        rows = await self._executor.fetch_all(statement, bound.values | {"skip": skip})
        return HotelRowPage([row for row in rows if row["id"]], rows[0]["total"])


@lru_cache
def get_hotel_statement() -> CompiledStatement[HotelRow]:
    """Statement for `hotel_id`."""
    return CompiledStatement(select(*_columns()).where(Hotel.id == bindparam("hotel_id")))


@lru_cache(maxsize=_STATEMENT_CACHE_SIZE)
def list_hotels_statement(key: FilterKey, sort: HotelSort, *, limit: int) -> CompiledStatement[_HotelRecord]:
    """Bind parameters: the values of the filters, and `skip`."""
    rollup = choose_rollup(key)
    matching = (_count_in_rollup(rollup, key) if rollup else _count_deals(key)).cte("matching")
    min_price = _min_price(rollup, key) if rollup else matching.c.min_price
    hotels = (
        select(*_columns(), matching.c.deal_count, min_price.label("min_price"))
        .join(matching, matching.c.hotel_id == Hotel.id)
        .subquery("hotels")
    )
    page = (
        select(hotels)
        .order_by(*_order_by(hotels, sort))
        .offset(bindparam("skip", type_=BigInteger))
        .limit(literal_int(limit))
        .subquery("page")
    )
    counted = select(func.count().label("total")).select_from(matching).subquery("counted")
    statement = select(counted.c.total, *page.c).select_from(counted.outerjoin(page, true()))
    return CompiledStatement(statement.order_by(*_order_by(page, sort)))


def _columns() -> list[ColumnElement[Any]]:
    return [column.label(column.key) for column in HOTEL_COLUMNS]


def _order_by(hotels: Subquery, sort: HotelSort) -> list[ColumnElement[Any]]:
    return [column.desc() if sort.is_descending else column.asc() for column in (hotels.c[sort.field], hotels.c.id)]


def _count_deals(key: FilterKey) -> Select[*tuple[Any, ...]]:
    """The number and the lowest price of the matching deals, by hotel."""
    return (
        select(Deal.hotel_id, func.count().label("deal_count"), func.min(Deal.price_per_night).label("min_price"))
        .where(*where_clauses(key))
        .group_by(Deal.hotel_id)
    )


def _count_in_rollup(rollup: Rollup, key: FilterKey) -> Select[*tuple[Any, ...]]:
    """The number of matching deals, by hotel. Rollups do not have the lowest price."""
    count = func.sum(rollup.deal_count)
    return (
        select(rollup.hotel_id, cast(count, BigInteger).label("deal_count"))
        .where(*where_clauses(key, table=rollup))
        .group_by(rollup.hotel_id)
        .having(count > literal_int(0))
    )


def _min_price(rollup: Rollup, key: FilterKey) -> ScalarSelect[Any]:
    """The lowest price of a hotel's matching deals: an index has the cheapest deal for each row of the rollup.

    PostgreSQL evaluates it for the hotels of the page only, unless the sort needs it.
    """
    same_group = (Deal.hotel_id == rollup.hotel_id, Deal.star_rating == rollup.star_rating)
    cheapest = select(Deal.price_per_night).where(*same_group, Deal.is_available == rollup.is_available)
    if rollup is CategoryRollup:
        same_category = deal_categories.c.category_id == CategoryRollup.category_id
        link = select(deal_categories).where(deal_categories.c.deal_id == Deal.id, same_category)
        cheapest = cheapest.where(link.correlate(Deal, CategoryRollup).exists())
    first = cheapest.order_by(Deal.price_per_night).limit(literal_int(1)).lateral("cheapest")
    return (
        select(func.min(first.c.price_per_night))
        .select_from(rollup)
        .join(first, true())
        .where(rollup.hotel_id == Hotel.id, rollup.deal_count > literal_int(0), *where_clauses(key, table=rollup))
        .scalar_subquery()
    )
