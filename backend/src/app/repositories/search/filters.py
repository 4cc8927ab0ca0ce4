"""The filters in SQL.

`FILTERS` has one row per filter: a column and a comparison. Everything else follows from the table of that column. A
filter on deals compares the column itself. A filter on hotels or categories compares a column of those, and selects
deals through `hotel_id` or `deal_categories`. The rollups can count by every column that they share with the deals.

Text is compared as a whole and never as a pattern, and the database folds its case.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import ARRAY, BindParameter, ColumnElement, Select, String, Text, any_, bindparam, func, select, true
from sqlalchemy.orm import InstrumentedAttribute

from app.db.encoding import fold
from app.db.statements import literal_int
from app.models import Category, CategoryRollup, Deal, DealRollup, Hotel, deal_categories
from app.schemas.filters import DealFilters

FilterKey = tuple[tuple[str, bool], ...]
"""The filters of a request by name, each with True if it has several values: requests with equal keys share statements.

Several values are one array parameter, so that their number does not multiply the statements to compile and to cache.
"""
Entity = type[Deal] | type[Hotel] | type[Category]
Rollup = type[DealRollup] | type[CategoryRollup]
CountedTable = type[Deal] | Rollup

_Column = InstrumentedAttribute[Any]
_Value = BindParameter[Any]


def _any_of(column: _Column, names: _Value) -> ColumnElement[bool]:
    if not isinstance(names.type, ARRAY):
        return fold(column) == fold(names)
    name = func.unnest(names).column_valued("value")
    return fold(column) == any_(func.array(select(fold(name)).scalar_subquery(), type_=ARRAY(Text)))


def _equal(column: _Column, value: _Value) -> ColumnElement[bool]:
    return column == value


def _at_least(column: _Column, value: _Value) -> ColumnElement[bool]:
    return column >= value


def _at_most(column: _Column, value: _Value) -> ColumnElement[bool]:
    return column <= value


def _is_true(column: _Column, _: _Value) -> ColumnElement[bool]:
    return column.expression


@dataclass(frozen=True, slots=True)
class Filter:
    column: _Column
    compare: Callable[[_Column, _Value], ColumnElement[bool]]

    @property
    def entity(self) -> Entity:
        return cast("Entity", self.column.class_)

    @property
    def is_text(self) -> bool:
        return isinstance(self.column.type, String)

    def column_in(self, table: CountedTable) -> _Column | None:
        """The column of `table` that the filter compares; None if the table has none."""
        if self.column is Hotel.id:
            return table.hotel_id
        column: _Column | None = getattr(table, self.column.key, None) if self.entity is Deal else None
        return column


FILTERS: Final = {
    "city": Filter(Hotel.city, _any_of),
    "country": Filter(Hotel.country, _any_of),
    "hotel_id": Filter(Hotel.id, _equal),
    "min_stars": Filter(Deal.star_rating, _at_least),
    "available_only": Filter(Deal.is_available, _is_true),
    "category": Filter(Category.name, _any_of),
    "price_min": Filter(Deal.price_per_night, _at_least),
    "price_max": Filter(Deal.price_per_night, _at_most),
    "room_type": Filter(Deal.room_type, _any_of),
    "min_discount": Filter(Deal.discount_percent, _at_least),
    "checkin_from": Filter(Deal.checkin_date, _at_least),
    "checkin_to": Filter(Deal.checkin_date, _at_most),
}
"""By query parameter. To add a filter: a row here, a field of `DealFilters`, and an index."""


@dataclass(frozen=True, slots=True)
class BoundFilters:
    """The filters of a request."""

    key: FilterKey
    values: dict[str, object]
    """By name of the bind parameter in the statements for `key`."""


def bind_filters(filters: DealFilters) -> BoundFilters:
    lists = {name: values for name in FILTERS if (values := _to_list(getattr(filters, name)))}
    key = tuple((name, len(values) > 1) for name, values in lists.items())
    return BoundFilters(key, {name: values if len(values) > 1 else values[0] for name, values in lists.items()})


def filters_on(entity: Entity, key: FilterKey) -> FilterKey:
    """The filters on columns of `entity`."""
    return tuple(item for item in key if FILTERS[item[0]].entity is entity)


def entity_clauses(key: FilterKey) -> Iterator[ColumnElement[bool]]:
    """Conditions on the tables that the columns of the filters belong to."""
    for name, has_several in key:
        filter_ = FILTERS[name]
        yield filter_.compare(filter_.column, _parameter(name, has_several=has_several))


def where_clauses(key: FilterKey, *, table: CountedTable = Deal) -> Iterator[ColumnElement[bool]]:
    """Conditions on the deals, or on a rollup that `choose_rollup` returned for these filters."""
    for name, has_several in key:
        filter_ = FILTERS[name]
        column = filter_.column_in(table)
        if column is not None:
            yield filter_.compare(column, _parameter(name, has_several=has_several))
        elif filter_.entity is Hotel:
            yield _in_hotels(table, (name, has_several))
        else:
            yield _in_categories(table, (name, has_several))


def row_predicates(key: FilterKey) -> Iterator[ColumnElement[bool]]:
    """The where clauses for deals, in a form that the planner evaluates row by row and cannot turn into a join.

    It would choose the join by the average frequency of a name, and read all deals of a category for one page.
    """
    for item in key:
        filter_ = FILTERS[item[0]]
        if filter_.column_in(Deal) is not None:
            yield from where_clauses((item,))
        elif filter_.entity is Hotel:
            yield _in_hotels(Deal, item).is_(true())
        else:
            link = _category_links(item).with_only_columns(deal_categories.c.deal_id).limit(literal_int(1))
            yield link.scalar_subquery().is_not(None)


def choose_rollup(key: FilterKey) -> Rollup | None:
    """The rollup that counts the matching deals exactly; None if only the deals themselves can be counted."""
    rollups: tuple[Rollup, ...] = (DealRollup, CategoryRollup)
    return next((rollup for rollup in rollups if all(_can_count(rollup, *item) for item in key)), None)


def _can_count(rollup: Rollup, name: str, has_several: bool) -> bool:  # noqa: FBT001  an item of a key
    filter_ = FILTERS[name]
    if filter_.entity is Category:  # a deal in two of the categories would count twice
        return rollup is CategoryRollup and not has_several
    return filter_.entity is Hotel or filter_.column_in(rollup) is not None


def _in_hotels(table: CountedTable, item: tuple[str, bool]) -> ColumnElement[bool]:
    return table.hotel_id.in_(select(Hotel.id).where(*entity_clauses((item,))))


def _in_categories(table: CountedTable, item: tuple[str, bool]) -> ColumnElement[bool]:
    if table is CategoryRollup:
        return CategoryRollup.category_id.in_(select(Category.id).where(*entity_clauses((item,))))
    return _category_links(item).exists()


def _category_links(item: tuple[str, bool]) -> Select[*tuple[Any, ...]]:
    """The links of a deal, in an outer query, to the categories that match."""
    categories = select(Category.id).where(*entity_clauses((item,)))
    return select(deal_categories).where(
        deal_categories.c.deal_id == Deal.id, deal_categories.c.category_id.in_(categories)
    )


def _parameter(name: str, *, has_several: bool) -> _Value:
    type_ = Text() if FILTERS[name].is_text else None
    return bindparam(name, type_=ARRAY(Text) if has_several else type_)


def _to_list(value: object) -> Sequence[object]:
    if isinstance(value, list):
        return value
    return () if value is None or value is False else (value,)
