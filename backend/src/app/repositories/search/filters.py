"""The filter set in SQL. Case is folded by the database alone, and text is compared whole, never as a pattern.

The deals and their rollups have the columns that the filters of a rollup are about under the same names, so one table
of where_clauses serves all three.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, ColumnExpressionArgument, Text, bindparam, func, select, true
from sqlalchemy.orm import InstrumentedAttribute

from app.db.statements import literal_int
from app.models import Category, CategoryRollup, Deal, DealRollup, Hotel, deal_categories
from app.schemas.filters import DealFilters

FilterKey = tuple[tuple[str, int], ...]
"""Which filters are given, each with the number of its values: filters of one shape have the same SQL."""
Counted = type[Deal] | type[DealRollup] | type[CategoryRollup]

_Value = BindParameter[Any]
_Condition = Callable[[Any, list[_Value]], ColumnElement[bool]]


def _named(column: InstrumentedAttribute[str], names: list[_Value]) -> ColumnElement[bool]:
    return func.lower(column).in_([func.lower(name) for name in names])


def _in_hotels(table: Counted, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return table.hotel_id.in_(select(Hotel.id).where(condition))


def _in_category(table: Counted, names: list[_Value]) -> ColumnElement[bool]:
    named = select(Category.id).where(_named(Category.name, names))
    if table is CategoryRollup:
        return CategoryRollup.category_id.in_(named)
    links = select(deal_categories).where(deal_categories.c.category_id.in_(named))
    return links.where(deal_categories.c.deal_id == Deal.id).exists()


HOTEL_FILTERS: Final = frozenset({"city", "country", "hotel_id"})
"""The filters that are about the hotel."""

_TYPES: Final = dict.fromkeys(("city", "country", "category", "room_type"), Text())
_CONDITIONS: Final[dict[str, _Condition]] = {
    "city": lambda table, names: _in_hotels(table, _named(Hotel.city, names)),
    "country": lambda table, names: _in_hotels(table, _named(Hotel.country, names)),
    "hotel_id": lambda table, ids: table.hotel_id == ids[0],
    "min_stars": lambda table, stars: table.star_rating >= stars[0],
    "available_only": lambda table, _: table.is_available,
    "category": _in_category,
    "price_min": lambda table, prices: table.price_per_night >= prices[0],
    "price_max": lambda table, prices: table.price_per_night <= prices[0],
    "room_type": lambda table, names: func.lower(table.room_type) == func.lower(names[0]),
    "min_discount": lambda table, percents: table.discount_percent >= percents[0],
    "checkin_from": lambda table, days: table.checkin_date >= days[0],
    "checkin_to": lambda table, days: table.checkin_date <= days[0],
}


@dataclass(frozen=True, slots=True)
class BoundFilters:
    """The filters that a request gives."""

    shape: FilterKey
    values: dict[str, object]
    """By the names of the bind parameters in the where_clauses of `shape`."""

    @classmethod
    def by(cls, filters: DealFilters) -> "BoundFilters":
        given = {name: _listed(getattr(filters, name)) for name in _CONDITIONS}
        shape = tuple((name, len(values)) for name, values in given.items() if values)
        return cls(shape, {f"{name}_{n}": value for name, values in given.items() for n, value in enumerate(values)})


def where_clauses(shape: FilterKey, *, of: Counted = Deal) -> Iterator[ColumnExpressionArgument[bool]]:
    """What a row of the table must satisfy to match filters of this shape. A rollup can't tell of every filter."""
    for name, count in shape:
        yield _CONDITIONS[name](of, _parameters(name, count))


def row_predicates(shape: FilterKey) -> Iterator[ColumnExpressionArgument[bool]]:
    """The where_clauses of a deal as questions to one row after the other, which the planner can't turn into a join.

    It would join on its idea of an average name, and read all deals of a category to find a page of them.
    """
    for name, count in shape:
        values = _parameters(name, count)
        condition = _CONDITIONS[name](Deal, values)
        if name in {"city", "country"}:
            yield condition.is_(true())
        elif name == "category":
            filed = deal_categories.c
            named = select(Category.id).where(_named(Category.name, values))
            link = select(filed.deal_id).where(filed.deal_id == Deal.id, filed.category_id.in_(named))
            yield link.limit(literal_int(1)).scalar_subquery().is_not(None)
        else:
            yield condition


def hotel_where(shape: FilterKey) -> Iterator[ColumnElement[bool]]:
    """What a hotel must satisfy to match those filters of this shape that are about hotels, HOTEL_FILTERS."""
    for name, count in shape:
        values = _parameters(name, count)
        yield Hotel.id == values[0] if name == "hotel_id" else _named(getattr(Hotel, name), values)


def category_is_named(count: int) -> ColumnElement[bool]:
    """What a category must satisfy to be one of so many that are asked for."""
    return _named(Category.name, _parameters("category", count))


def _parameters(name: str, count: int) -> list[_Value]:
    return [bindparam(f"{name}_{n}", type_=_TYPES.get(name)) for n in range(count)]


def _listed(value: object) -> Sequence[object]:
    if isinstance(value, list):
        return value
    return () if value is None or value is False else (value,)
