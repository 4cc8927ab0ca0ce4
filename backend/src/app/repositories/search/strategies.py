"""How to count the matching deals, and how to find the ids of one page of them.

A page is found in one of two ways (ADR 9). An index scan reads the index of the sort until the page is full and takes
the filters from the index alone: fast if many deals match. If few match, it would read much of the index; then they are
collected from another index and sorted. The statement contains both and decides when it runs, by the number of matches
that the rollups, or the index of the room types, report. The planner would assume an average number for every name.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    ScalarSelect,
    Select,
    bindparam,
    cast,
    func,
    not_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.db.encoding import fold
from app.db.statements import literal_int
from app.models import Category, CategoryRollup, Deal, DealRollup, Hotel, deal_categories
from app.repositories.search.filters import (
    FILTERS,
    FilterKey,
    Rollup,
    choose_rollup,
    entity_clauses,
    filters_on,
    row_predicates,
    where_clauses,
)
from app.schemas.deals import DealSort

PageStart = Literal["first", "skip", "after"]
"""Where a page starts: at the first row, after a number of rows, or after a given position."""

_Select = Select[*tuple[Any, ...]]

_COLLECT_LIMIT: Final = 1000
"""Maximum number of deals to collect. Above it the index scan is faster, or not much slower at 5,000,000 deals."""


def exact_total(key: FilterKey) -> ScalarSelect[Any]:
    """The number of matching deals."""
    rollup = choose_rollup(key)
    if rollup is None:
        return select(func.count()).select_from(Deal).where(*where_clauses(key)).scalar_subquery()
    return _rollup_total(rollup, key)


def _rollup_total(rollup: Rollup, key: FilterKey) -> ScalarSelect[Any]:
    total = func.coalesce(func.sum(rollup.deal_count), literal_int(0))
    return select(cast(total, BigInteger)).where(*where_clauses(key, table=rollup)).scalar_subquery()


def page_of_ids(key: FilterKey, sort: DealSort, *, start: PageStart, limit: int) -> _Select:
    """Bind parameters: the values of the filters; `skip` and `end` (skip + limit), or `after_key` and `after_id`."""
    candidates = list(_candidates(key, sort, start))
    found = candidates[0].subquery("found")
    if len(candidates) > 1:
        end = bindparam("end", type_=BigInteger) if start == "skip" else literal_int(limit)
        pages = (each.order_by(*order_by(each.selected_columns, sort)).limit(end).subquery() for each in candidates)
        found = union_all(*map(select, pages)).subquery("found")
    ids = select(found.c.id).order_by(*order_by(found.c, sort)).limit(literal_int(limit))
    return ids.offset(_skip()) if start == "skip" else ids


def page_of_all(sort: DealSort, *, start: PageStart, limit: int) -> Select[Deal]:
    """A page of all deals from the index of the sort, unless the page starts with `skip`."""
    after = [_is_after(sort)] if start == "after" else []
    return select(Deal).where(*after).order_by(*order_by(Deal, sort)).limit(literal_int(limit))


def order_by(deal: Any, sort: DealSort) -> list[ColumnElement[Any]]:  # noqa: ANN401  the entity, an alias or its columns
    """The order of the sort, with `id` for ties."""
    return [column.desc() if sort.is_descending else column.asc() for column in _sort_columns(deal, sort)]


def _candidates(key: FilterKey, sort: DealSort, start: PageStart) -> Iterator[_Select]:
    """Selects of the matching deals, with conditions that hold for exactly one of them."""
    columns = _sort_columns(Deal, sort)
    after = [_is_after(sort)] if start == "after" else []
    index_scan = select(*columns).where(*row_predicates(key), *after)
    strategies = list(_strategies(key))
    if not strategies:
        yield index_scan
        return
    are_few = [strategy.upper_bound() <= literal_int(_COLLECT_LIMIT) for strategy in strategies]
    few = select(*(is_few.label(f"few_{n}") for n, is_few in enumerate(are_few))).cte("few")
    applies = [select(column).scalar_subquery() for column in few.c]
    for n, strategy in enumerate(strategies):
        remaining = tuple(item for item in key if item not in strategy.key)
        collected = strategy.collect(columns, [*row_predicates(remaining), *after])
        yield collected.where(applies[n], *map(not_, applies[:n]))
    yield index_scan.where(*map(not_, applies))


@dataclass(frozen=True, slots=True)
class _CollectStrategy(ABC):
    """A way to collect the deals that match some of the filters, if they are few."""

    key: FilterKey
    """The filters by which it collects."""

    @abstractmethod
    def upper_bound(self) -> ScalarSelect[Any]:
        """A cheap upper bound of the number of matching deals."""

    @abstractmethod
    def collect(self, columns: list[Any], conditions: list[ColumnElement[bool]]) -> _Select:
        """The columns of all matching deals that satisfy the other conditions too."""


def _strategies(key: FilterKey) -> Iterator[_CollectStrategy]:
    if hotel_filters := filters_on(Hotel, key):
        yield _HotelStrategy(hotel_filters)
    if category_filters := filters_on(Category, key):
        yield _CategoryStrategy(category_filters)
    for item in filters_on(Deal, key):
        if FILTERS[item[0]].is_text:
            yield _TextStrategy((item,))


class _HotelStrategy(_CollectStrategy):
    """Collects the deals of the matching hotels, from the index that starts with the hotel."""

    def upper_bound(self) -> ScalarSelect[Any]:
        return _rollup_total(DealRollup, self.key)

    def collect(self, columns: list[Any], conditions: list[ColumnElement[bool]]) -> _Select:
        of_hotel = select(*columns).where(Deal.hotel_id == Hotel.id, *conditions).correlate(Hotel)
        # The order makes the planner choose that index.
        of_hotel = of_hotel.order_by(Deal.star_rating, Deal.price_per_night).limit(literal_int(_COLLECT_LIMIT))
        deals = of_hotel.lateral("candidate")
        return select(*deals.c).select_from(Hotel).join(deals, true()).where(*entity_clauses(self.key))


class _CategoryStrategy(_CollectStrategy):
    """Collects the deals in the matching categories, from the index that starts with the category."""

    def upper_bound(self) -> ScalarSelect[Any]:
        """Counts a deal once for each of its categories that match."""
        return _rollup_total(CategoryRollup, self.key)

    def collect(self, columns: list[Any], conditions: list[ColumnElement[bool]]) -> _Select:
        links = select(deal_categories.c.deal_id).where(deal_categories.c.category_id == Category.id)
        links = links.correlate(Category).order_by(deal_categories.c.deal_id)
        link = links.limit(literal_int(_COLLECT_LIMIT)).lateral("link")
        of_link = select(*columns).where(Deal.id == link.c.deal_id, *conditions).correlate(link)
        deals = of_link.limit(literal_int(1)).lateral("candidate")
        collected = select(*deals.c).select_from(Category).join(link, true()).join(deals, true())
        collected = collected.where(*entity_clauses(self.key))
        return collected.distinct() if any(has_several for _, has_several in self.key) else collected


class _TextStrategy(_CollectStrategy):
    """Collects deals by one of their own text columns, from its index, which also provides the number of matches."""

    def upper_bound(self) -> ScalarSelect[Any]:
        matches = self._first(literal_int(1).label("one"), limit=_COLLECT_LIMIT + 1)
        return select(func.count()).select_from(matches.subquery()).scalar_subquery()

    def collect(self, columns: list[Any], conditions: list[ColumnElement[bool]]) -> _Select:
        candidate = self._first(Deal.id, limit=_COLLECT_LIMIT).subquery("candidate")
        return select(*columns).join_from(candidate, Deal, Deal.id == candidate.c.id).where(*conditions)

    def _first(self, *columns: ColumnElement[Any] | InstrumentedAttribute[Any], limit: int) -> _Select:
        ((name, _),) = self.key
        matches = select(*columns).select_from(Deal).where(*entity_clauses(self.key))
        return matches.order_by(fold(FILTERS[name].column), Deal.id).limit(literal_int(limit))


def _skip() -> BindParameter[int]:
    return bindparam("skip", type_=BigInteger)


def _sort_columns(deal: Any, sort: DealSort) -> list[Any]:  # noqa: ANN401  as above
    return [getattr(deal, field) for field in dict.fromkeys((sort.field, "id"))]


def _is_after(sort: DealSort) -> ColumnElement[bool]:
    columns = _sort_columns(Deal, sort)
    names = ("after_key", "after_id")[-len(columns) :]
    row = tuple_(*columns)
    position = tuple_(*(bindparam(name, type_=c.type) for name, c in zip(names, columns, strict=True)))
    return row < position if sort.is_descending else row > position
