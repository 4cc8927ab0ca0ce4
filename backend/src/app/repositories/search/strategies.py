"""Which deals a page shows: their ids, found without a look at many more deals than it has.

There are two ways. A walk goes along the index of the sort until the page is full, and tells from the index alone which
deals match: quick if many do. If few do, it would go far, and they are gathered and sorted instead. For hotels and
categories the rollups know which it is, for a room type its index; the planner would take every name for an average
one.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    ScalarSelect,
    Select,
    bindparam,
    func,
    not_,
    select,
    true,
    tuple_,
    union_all,
)

from app.db.statements import literal_int
from app.models import Category, Deal, Hotel, deal_categories
from app.repositories.search.filters import HOTEL_FILTERS, FilterKey, category_is_named, hotel_where, row_predicates
from app.repositories.search.totals import total_upper_bound
from app.schemas.deals import DealSort

Start = Literal["first", "skip", "after"]
"""Where a page starts: at the first row, behind so many, or behind a certain one."""

_Found = Select[*tuple[Any, ...]]

_FEW: Final = 1000
"""Up to so many deals are gathered. To a page of more it is quicker to walk, of 5,000,000 not much slower."""


def page_of_ids(shape: FilterKey, sort: DealSort, *, start: Start, limit: int) -> _Found:
    """For the filters, and `skip` and `end` (what is skipped and the page), or `after_key` and `after_id`."""
    ways = list(_ways(shape, sort, start))
    found = ways[0].subquery("found")
    if len(ways) > 1:
        end = bindparam("end", type_=BigInteger) if start == "skip" else literal_int(limit)
        pages = (way.order_by(*order(way.selected_columns, sort)).limit(end).subquery() for way in ways)
        found = union_all(*map(select, pages)).subquery("found")
    ids = select(found.c.id).order_by(*order(found.c, sort)).limit(literal_int(limit))
    return ids.offset(_skip()) if start == "skip" else ids


def walk(sort: DealSort, *, start: Start, limit: int) -> Select[Deal]:
    """A page of all deals, unless it starts with `skip`: the index of the sort has its deals side by side."""
    behind = [_is_after(sort)] if start == "after" else []
    return select(Deal).where(*behind).order_by(*order(Deal, sort)).limit(literal_int(limit))


def order(deal: Any, sort: DealSort) -> list[ColumnElement[Any]]:  # noqa: ANN401  the entity, an alias or its columns
    """The order of the sort, which ends with `id`."""
    return [column.desc() if sort.is_descending else column.asc() for column in _keys(deal, sort)]


def _ways(shape: FilterKey, sort: DealSort, start: Start) -> Iterator[_Found]:
    """The ways to find the deals that match, each under a condition that holds for no other."""
    ways = [way for way in (_ByHotels(shape), _ByCategories(shape), _ByRoomType(shape)) if way.part]
    behind = [_is_after(sort)] if start == "after" else []
    walked = select(*_keys(Deal, sort)).where(*row_predicates(shape), *behind)
    if not ways:
        yield walked
        return
    few = select(*((way.most() <= literal_int(_FEW)).label(way.name) for way in ways)).cte("few")
    said = [select(column).scalar_subquery() for column in few.c]
    for n, way in enumerate(ways):
        rest = [*row_predicates(tuple(given for given in shape if given not in way.part)), *behind]
        yield way.gather(_keys(Deal, sort), rest).where(said[n], *map(not_, said[:n]))
    yield walked.where(*map(not_, said))


class _ByHotels:
    """All deals of the hotels, from the index that begins with the hotel."""

    name = "hotels"

    def __init__(self, shape: FilterKey) -> None:
        self.part: FilterKey = tuple(given for given in shape if given[0] in HOTEL_FILTERS)

    def most(self) -> ScalarSelect[Any]:
        return total_upper_bound(self.part)

    def gather(self, columns: list[Any], rest: list[Any]) -> _Found:
        own = select(*columns).where(Deal.hotel_id == Hotel.id, *rest).correlate(Hotel)
        # The order of the index is what makes the planner use it.
        own = own.order_by(Deal.star_rating, Deal.price_per_night).limit(literal_int(_FEW))
        deals = own.lateral("own")
        return select(*deals.c).select_from(Hotel).join(deals, true()).where(*hotel_where(self.part))


class _ByCategories:
    """All deals in the categories, from the index that begins with the category."""

    name = "categories"

    def __init__(self, shape: FilterKey) -> None:
        self.part: FilterKey = tuple(given for given in shape if given[0] == "category")

    def most(self) -> ScalarSelect[Any]:
        return total_upper_bound(self.part)

    def gather(self, columns: list[Any], rest: list[Any]) -> _Found:
        filed, ((_, count),) = deal_categories.c, self.part
        links = select(filed.deal_id).where(filed.category_id == Category.id).correlate(Category)
        link = links.order_by(filed.deal_id).limit(literal_int(_FEW)).lateral("link")
        own = select(*columns).where(Deal.id == link.c.deal_id, *rest).correlate(link).limit(literal_int(1))
        deals = own.lateral("own")
        found = select(*deals.c).select_from(Category).join(link, true()).join(deals, true())
        found = found.where(category_is_named(count))
        return found.distinct() if count > 1 else found


class _ByRoomType:
    """All deals with rooms of the type, from the index that begins with it; it tells itself whether they are few."""

    name = "room_types"

    def __init__(self, shape: FilterKey) -> None:
        self.part: FilterKey = tuple(given for given in shape if given[0] == "room_type")

    def most(self) -> ScalarSelect[Any]:
        counted = self._first(literal_int(1).label("one"), limit=_FEW + 1)
        return select(func.count()).select_from(counted.subquery()).scalar_subquery()

    def gather(self, columns: list[Any], rest: list[Any]) -> _Found:
        own = self._first(Deal.id, limit=_FEW).subquery("own")
        return select(*columns).join_from(own, Deal, Deal.id == own.c.id).where(*rest)

    def _first(self, *columns: Any, limit: int) -> _Found:  # noqa: ANN401  columns of the deals
        found = select(*columns).select_from(Deal).where(*row_predicates(self.part))
        return found.order_by(func.lower(Deal.room_type), Deal.id).limit(literal_int(limit))


def _skip() -> BindParameter[int]:
    return bindparam("skip", type_=BigInteger)


def _keys(deal: Any, sort: DealSort) -> list[Any]:  # noqa: ANN401  as above
    return [getattr(deal, field) for field in dict.fromkeys((sort.field, "id"))]


def _is_after(sort: DealSort) -> ColumnElement[bool]:
    columns = _keys(Deal, sort)
    names = ("after_key", "after_id")[-len(columns) :]
    row = tuple_(*columns)
    last = tuple_(*(bindparam(name, type_=c.type) for name, c in zip(names, columns, strict=True)))
    return row < last if sort.is_descending else row > last
