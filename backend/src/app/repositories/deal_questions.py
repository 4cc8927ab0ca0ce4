"""The statements that show deals, compiled once for each shape of a request."""

from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, bindparam, cast, func, join, select, true
from sqlalchemy.orm import aliased

from app.db.reading import Question, constant
from app.models import Category, Deal, Hotel, deal_categories
from app.repositories.counting import rollup_for, total_of
from app.repositories.deal_ids import Start, order, page_of_ids, walk
from app.repositories.filters import Shape, conditions
from app.schemas.deals import DealSort

HOTEL_FIELDS: Final = ("id", "name", "city", "country", "phone", "avg_star_rating")

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
_KEPT: Final = 1000
"""How many statements are kept of a kind; to compile another takes a millisecond or two."""


@lru_cache
def deal_by_id() -> Question:
    """For `deal_id`."""
    return Question(select(*_shown(Deal)).join(Deal.hotel).where(Deal.id == bindparam("deal_id")))


@lru_cache(maxsize=_KEPT)
def deals_page(shape: Shape, sort: DealSort, *, start: Start, limit: int, with_total: bool) -> Question:
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
        return Question(statement.select_from(shown))
    counted = select(total_of(shape).label("total")).subquery("counted")
    return Question(statement.add_columns(counted.c.total).select_from(counted.outerjoin(shown, true())))


@lru_cache(maxsize=_KEPT)
def matching_deals(shape: Shape) -> Question:
    """For the filters: the ids."""
    return Question(select(Deal.id).where(*conditions(shape)))


@lru_cache(maxsize=_KEPT)
def prices_by_city(shape: Shape) -> Question:
    """For the filters: a row for each city."""
    city, rollup = func.lower(Hotel.city), rollup_for(shape)
    table = rollup or Deal
    count, prices = (
        (func.sum(rollup.deal_count), func.sum(rollup.price_sum))
        if rollup
        else (func.count(), func.sum(Deal.price_per_night))
    )
    return Question(
        select(
            func.min(Hotel.city).label("city"),
            func.round(prices / count, constant(2)).label("avg_price"),
            cast(count, BigInteger).label("deal_count"),
        )
        .join_from(table, Hotel, Hotel.id == table.hotel_id)
        .where(*conditions(shape, of=table))
        .group_by(city)
        .having(count > constant(0))
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
