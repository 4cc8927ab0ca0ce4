"""Read queries for deals; a list, a detail and the statistics are one statement each."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple, NotRequired, TypedDict

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, cast, func, join, select, true
from sqlalchemy.orm import aliased

from app.db.encoding import fold
from app.db.statements import CompiledStatement, Executor, literal_int
from app.models import Category, Deal, Hotel, deal_categories
from app.pagination import KeysetPosition, Offset
from app.repositories.hotel_queries import HOTEL_COLUMNS, HotelRow
from app.repositories.search.filters import FilterKey, bind_filters, choose_rollup, where_clauses
from app.repositories.search.strategies import PageStart, exact_total, order_by, page_of_all, page_of_ids
from app.schemas.deals import CityStatsSort, DealSort
from app.schemas.filters import DealFilters

_MAX_BIGINT: Final = 2**63 - 1
_STATEMENT_CACHE_SIZE: Final = 1000
"""Statements cached per kind; compiling one takes one to two milliseconds."""


class DealRow(TypedDict):
    id: int
    external_id: int | None
    room_type: str
    star_rating: int
    price_per_night: Decimal
    original_price: Decimal
    discount_percent: int
    checkin_date: date
    checkout_date: date
    is_available: bool
    version: int
    created_at: datetime
    updated_at: datetime
    categories: list[str]
    hotel: HotelRow


class _DealRecord(DealRow):
    """A row as selected: the columns of the hotel are prefixed, and `hotel` is added by `_to_deal`."""

    hotel_id: int
    hotel_name: str
    hotel_city: str
    hotel_country: str
    hotel_phone: str
    hotel_avg_star_rating: Decimal | None
    total: NotRequired[int]
    """Selected on request; if no deal is on the page, one row has the total and is null otherwise."""


class CityStatsRow(TypedDict):
    city: str
    avg_price: Decimal
    deal_count: int


class DealRowPage(NamedTuple):
    deals: list[DealRow]
    total: int | None
    """The number of all matching deals, from the same snapshot as the page; None if it was not requested."""


class DealQueries:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def get(self, deal_id: int) -> DealRow | None:
        rows = await self._executor.fetch_all(get_deal_statement(), {"deal_id": deal_id})
        return _to_deal(rows[0]) if rows else None

    async def page(
        self, filters: DealFilters, *, sort: DealSort, start: Offset | KeysetPosition, limit: int, with_total: bool
    ) -> DealRowPage:
        """At most `limit` matching deals in the order of `sort`, with the exact total on request."""
        bound = bind_filters(filters)
        statement = list_deals_statement(bound.key, sort, start=_page_start(start), limit=limit, with_total=with_total)
        rows = await self._executor.fetch_all(statement, bound.values | _position_values(start, limit=limit))
        total = rows[0].get("total") if rows else None
        return DealRowPage([_to_deal(row) for row in rows if row["id"]], total)

    async def estimate(self, filters: DealFilters) -> int:
        """The number of matching deals as the query planner estimates it."""
        bound = bind_filters(filters)
        return await _estimated_rows(self._executor, matching_ids_statement(bound.key), bound.values)

    async def stats(self, filters: DealFilters, *, sort: CityStatsSort) -> list[CityStatsRow]:
        """Statistics of the matching deals by city; the names of cities are compared case-insensitively."""
        bound = bind_filters(filters)
        return await self._executor.fetch_all(city_stats_statement(bound.key, sort), bound.values)


def _to_deal(record: _DealRecord) -> DealRow:
    record["hotel"] = {
        "id": record["hotel_id"],
        "name": record["hotel_name"],
        "city": record["hotel_city"],
        "country": record["hotel_country"],
        "phone": record["hotel_phone"],
        "avg_star_rating": record["hotel_avg_star_rating"],
    }
    return record


def _page_start(start: Offset | KeysetPosition) -> PageStart:
    if isinstance(start, KeysetPosition):
        return "after"
    return "skip" if start.skip else "first"


def _position_values(start: Offset | KeysetPosition, *, limit: int) -> dict[str, object]:
    if isinstance(start, Offset):
        return {"skip": start.skip, "end": min(start.skip + limit, _MAX_BIGINT)}
    return {"after_key": start.key, "after_id": start.id}


@lru_cache
def get_deal_statement() -> CompiledStatement[_DealRecord]:
    """Statement for `deal_id`."""
    return CompiledStatement(select(*_columns(Deal)).join(Deal.hotel).where(Deal.id == bindparam("deal_id")))


@lru_cache(maxsize=_STATEMENT_CACHE_SIZE)
def list_deals_statement(
    key: FilterKey, sort: DealSort, *, start: PageStart, limit: int, with_total: bool
) -> CompiledStatement[_DealRecord]:
    """Bind parameters: the values of the filters, and `skip` and `end`, or `after_key` and `after_id`."""
    return CompiledStatement(build_deals_page(key, sort, start=start, limit=limit, with_total=with_total))


def build_deals_page(
    key: FilterKey, sort: DealSort, *, start: PageStart, limit: int, with_total: bool
) -> Select[*tuple[Any, ...]]:
    """The limit is a literal: with a parameter PostgreSQL would make a new plan for every execution."""
    if key or start == "skip":
        page = select(Deal).where(Deal.id.in_(page_of_ids(key, sort, start=start, limit=limit)))
    else:
        page = page_of_all(sort, start=start, limit=limit)
    deal = aliased(Deal, page.subquery("deal"))
    deals = join(deal, Hotel, Hotel.id == deal.hotel_id)
    statement = select(*_columns(deal)).order_by(*order_by(deal, sort))
    if not with_total:
        return statement.select_from(deals)
    counted = select(exact_total(key).label("total")).subquery("counted")
    return statement.add_columns(counted.c.total).select_from(counted.outerjoin(deals, true()))


@lru_cache(maxsize=_STATEMENT_CACHE_SIZE)
def matching_ids_statement(key: FilterKey) -> CompiledStatement[dict[str, int]]:
    """Bind parameters: the values of the filters."""
    return CompiledStatement(select(Deal.id).where(*where_clauses(key)))


@lru_cache(maxsize=_STATEMENT_CACHE_SIZE)
def city_stats_statement(key: FilterKey, sort: CityStatsSort) -> CompiledStatement[CityStatsRow]:
    """Bind parameters: the values of the filters."""
    rollup = choose_rollup(key)
    table = rollup or Deal
    count, prices = (
        (func.sum(rollup.deal_count), func.sum(rollup.price_sum))
        if rollup
        else (func.count(), func.sum(Deal.price_per_night))
    )
    city, avg_price = fold(Hotel.city), func.round(prices / count, literal_int(2))
    sort_key = {"city": city, "avg_price": avg_price, "deal_count": count}[sort.field]
    return CompiledStatement(
        select(
            func.min(Hotel.city).label("city"),
            avg_price.label("avg_price"),
            cast(count, BigInteger).label("deal_count"),
        )
        .join_from(table, Hotel, Hotel.id == table.hotel_id)
        .where(*where_clauses(key, table=table))
        .group_by(city)
        .having(count > literal_int(0))
        .order_by(sort_key.desc() if sort.is_descending else sort_key, city)
    )


def _columns(deal: Any) -> list[ColumnElement[Any]]:  # noqa: ANN401  the entity or an alias of it
    categories = (
        select(Category.name)
        .join(deal_categories, deal_categories.c.category_id == Category.id)
        .where(deal_categories.c.deal_id == deal.id)
        .order_by(Category.name)
    )
    return [
        *(getattr(deal, column.key) for column in Deal.__table__.columns if column is not Deal.__table__.c.hotel_id),
        func.array(categories.scalar_subquery()).label("categories"),
        *(column.label(f"hotel_{column.key}") for column in HOTEL_COLUMNS),
    ]


async def _estimated_rows(database: Executor, statement: CompiledStatement[Any], values: Mapping[str, object]) -> int:
    (plan,) = await database.fetch_all(statement.explain, values)
    return int(plan["QUERY PLAN"][0]["Plan"]["Plan Rows"])
