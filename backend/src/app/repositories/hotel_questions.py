"""The statements that show hotels, compiled once for each shape of a request."""

from functools import lru_cache
from typing import Any, Final

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

from app.db.reading import Question, constant
from app.models import CategoryRollup, Deal, Hotel, deal_categories
from app.repositories.counting import Rollup, rollup_for
from app.repositories.filters import Shape, conditions
from app.schemas.hotels import HotelSort

_FIELDS: Final = (
    Hotel.id,
    Hotel.name,
    Hotel.city,
    Hotel.country,
    Hotel.phone,
    Hotel.avg_star_rating.label("avg_star_rating"),
)
_KEPT: Final = 1000
"""How many statements are kept of a kind; to compile another takes a millisecond or two."""


@lru_cache
def hotel_by_id() -> Question:
    """For `hotel_id`."""
    return Question(select(*_FIELDS).where(Hotel.id == bindparam("hotel_id")))


@lru_cache(maxsize=_KEPT)
def hotels_page(shape: Shape, sort: HotelSort, *, limit: int) -> Question:
    """For the filters and `skip`: the page with the total, which there is a row for even without a hotel."""
    rollup = rollup_for(shape)
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
        .limit(constant(limit))
        .subquery("page")
    )
    counted = select(func.count().label("total")).select_from(matching).subquery("counted")
    statement = select(counted.c.total, *page.c).select_from(counted.outerjoin(page, true()))
    return Question(statement.order_by(*_order(page, sort)))


def _order(hotels: Subquery, sort: HotelSort) -> list[ColumnElement[Any]]:
    return [column.desc() if sort.is_descending else column.asc() for column in (hotels.c[sort.field], hotels.c.id)]


def _grouped(shape: Shape) -> Select[*tuple[Any, ...]]:
    """The deals that match, by hotel."""
    return (
        select(Deal.hotel_id, func.count().label("deal_count"), func.min(Deal.price_per_night).label("min_price"))
        .where(*conditions(shape))
        .group_by(Deal.hotel_id)
    )


def _rolled_up(rollup: Rollup, shape: Shape) -> Select[*tuple[Any, ...]]:
    """The same from a rollup, which does not know the lowest price."""
    count = func.sum(rollup.deal_count)
    return (
        select(rollup.hotel_id, cast(count, BigInteger).label("deal_count"))
        .where(*conditions(shape, of=rollup))
        .group_by(rollup.hotel_id)
        .having(count > constant(0))
    )


def _lowest_price(rollup: Rollup, shape: Shape) -> ScalarSelect[Any]:
    """Of the hotel's matching deals: an index has the cheapest for each of its rows in the rollup.

    PostgreSQL leaves it until the page is found, unless it sorts by it.
    """
    alike = (Deal.hotel_id == rollup.hotel_id, Deal.star_rating == rollup.star_rating)
    cheapest = select(Deal.price_per_night).where(*alike, Deal.is_available == rollup.is_available)
    if rollup is CategoryRollup:
        filed = deal_categories.c.category_id == CategoryRollup.category_id
        link = select(deal_categories).where(deal_categories.c.deal_id == Deal.id, filed)
        cheapest = cheapest.where(link.correlate(Deal, CategoryRollup).exists())
    first = cheapest.order_by(Deal.price_per_night).limit(constant(1)).lateral("cheapest")
    return (
        select(func.min(first.c.price_per_night))
        .select_from(rollup)
        .join(first, true())
        .where(rollup.hotel_id == Hotel.id, rollup.deal_count > constant(0), *conditions(shape, of=rollup))
        .scalar_subquery()
    )
