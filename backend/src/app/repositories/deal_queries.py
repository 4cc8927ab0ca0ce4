"""Deals as they are shown: with their hotel, its average, and their categories, in one statement."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, bindparam, cast, func, join, select, true
from sqlalchemy.orm import aliased

from app.db.statements import CompiledStatement, Executor, Row, literal_int
from app.models import Category, Deal, Hotel, deal_categories
from app.pagination import KeysetPosition, Offset
from app.repositories.search.filters import BoundFilters, FilterKey, where_clauses
from app.repositories.search.strategies import Start, order, page_of_ids, walk
from app.repositories.search.totals import choose_rollup, exact_total
from app.schemas.deals import DealSort
from app.schemas.filters import DealFilters

_GREATEST: Final = 2**63 - 1

DealRow = dict[str, Any]
"""What is shown of a deal, by field."""


class DealRowPage(NamedTuple):
    deals: list[DealRow]
    total: int | None
    """How many deals match in all, in the same snapshot as the page; None if that was not asked."""


class DealQueries:
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def get(self, deal_id: int) -> DealRow | None:
        """The deal as it is in the database now."""
        rows = await self._database.fetch_all(get_deal_statement(), {"deal_id": deal_id})
        return _view(rows[0]) if rows else None

    async def page(
        self, filters: DealFilters, *, sort: DealSort, start: Offset | KeysetPosition, limit: int, with_total: bool
    ) -> DealRowPage:
        """Deals in the order of `sort`, with the exact number of those that match if asked."""
        given = BoundFilters.by(filters)
        question = list_deals_statement(given.shape, sort, start=_kind(start), limit=limit, with_total=with_total)
        rows = await self._database.fetch_all(question, given.values | _values(start, limit=limit))
        total = rows[0]["total"] if with_total else None
        return DealRowPage([_view(row) for row in rows if row["id"] is not None], total)

    async def estimate(self, filters: DealFilters) -> int:
        """The planner's idea of the number of deals that match."""
        given = BoundFilters.by(filters)
        return await estimated_rows(self._database, matching_ids_statement(given.shape), given.values)

    async def stats(self, filters: DealFilters) -> list[Row]:
        """`city`, `avg_price` and `deal_count` of the matching deals, in the order of the cities' names.

        A city's name is the same whatever its case.
        """
        given = BoundFilters.by(filters)
        return await self._database.fetch_all(city_stats_statement(given.shape), given.values)


def _view(row: Row) -> DealRow:
    row["hotel"] = {field: row[column] for field, column in _HOTEL.items()}
    return row


def _kind(start: Offset | KeysetPosition) -> Start:
    if isinstance(start, KeysetPosition):
        return "after"
    return "skip" if start.skip else "first"


def _values(start: Offset | KeysetPosition, *, limit: int) -> dict[str, object]:
    if isinstance(start, Offset):
        return {"skip": start.skip, "end": min(start.skip + limit, _GREATEST)}
    return {"after_key": start.key, "after_id": start.id}


HOTEL_FIELDS: Final = ("id", "name", "city", "country", "phone", "avg_star_rating")
_HOTEL: Final = {field: f"hotel_{field}" for field in HOTEL_FIELDS}

_DEAL_FIELDS: Final = (
    "id",
    "external_id",
    "room_type",
    "star_rating",
    "price_per_night",
    "original_price",
    "discount_percent",
    "checkin_date",
    "checkout_date",
    "is_available",
    "version",
    "created_at",
    "updated_at",
)
_STATEMENT_CACHE_SIZE: Final = 1000
"""How many statements are kept of a kind; to compile another takes a millisecond or two."""


@lru_cache
def get_deal_statement() -> CompiledStatement[Row]:
    """For `deal_id`."""
    return CompiledStatement(select(*_shown(Deal)).join(Deal.hotel).where(Deal.id == bindparam("deal_id")))


@lru_cache(maxsize=_STATEMENT_CACHE_SIZE)
def list_deals_statement(
    shape: FilterKey, sort: DealSort, *, start: Start, limit: int, with_total: bool
) -> CompiledStatement[Row]:
    """For the filters, and `skip`, or `after_key` and `after_id`; with the total there is a row even without a deal.

    A limit is part of the statement: for a parameter PostgreSQL would make a plan each time.
    """
    if shape or start == "skip":
        found = select(Deal).where(Deal.id.in_(page_of_ids(shape, sort, start=start, limit=limit)))
    else:
        found = walk(sort, start=start, limit=limit)
    deal = aliased(Deal, found.subquery("deal"))
    shown = join(deal, Hotel, Hotel.id == deal.hotel_id)
    statement = select(*_shown(deal)).order_by(*order(deal, sort))
    if not with_total:
        return CompiledStatement(statement.select_from(shown))
    counted = select(exact_total(shape).label("total")).subquery("counted")
    return CompiledStatement(statement.add_columns(counted.c.total).select_from(counted.outerjoin(shown, true())))


@lru_cache(maxsize=_STATEMENT_CACHE_SIZE)
def matching_ids_statement(shape: FilterKey) -> CompiledStatement[Row]:
    """For the filters: the ids."""
    return CompiledStatement(select(Deal.id).where(*where_clauses(shape)))


@lru_cache(maxsize=_STATEMENT_CACHE_SIZE)
def city_stats_statement(shape: FilterKey) -> CompiledStatement[Row]:
    """For the filters: a row for each city."""
    city, rollup = func.lower(Hotel.city), choose_rollup(shape)
    table = rollup or Deal
    count, prices = (
        (func.sum(rollup.deal_count), func.sum(rollup.price_sum))
        if rollup
        else (func.count(), func.sum(Deal.price_per_night))
    )
    return CompiledStatement(
        select(
            func.min(Hotel.city).label("city"),
            func.round(prices / count, literal_int(2)).label("avg_price"),
            cast(count, BigInteger).label("deal_count"),
        )
        .join_from(table, Hotel, Hotel.id == table.hotel_id)
        .where(*where_clauses(shape, of=table))
        .group_by(city)
        .having(count > literal_int(0))
        .order_by(city)
    )


def _shown(deal: Any) -> list[ColumnElement[Any]]:  # noqa: ANN401  the entity or an alias of it
    categories = (
        select(Category.name)
        .join(deal_categories, deal_categories.c.category_id == Category.id)
        .where(deal_categories.c.deal_id == deal.id)
        .order_by(Category.name)
    )
    return [
        *(getattr(deal, field) for field in _DEAL_FIELDS),
        func.array(categories.scalar_subquery()).label("categories"),
        *(getattr(Hotel, field).label(f"hotel_{field}") for field in HOTEL_FIELDS),
    ]


async def estimated_rows(database: Executor, question: CompiledStatement[Row], values: Mapping[str, object]) -> int:
    """How many rows the planner expects in answer to the question, from the tables' statistics."""
    (plan,) = await database.fetch_all(question.explain, values)
    return int(plan["QUERY PLAN"][0]["Plan"]["Plan Rows"])
