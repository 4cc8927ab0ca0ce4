"""The rollups beside what they are the sums of."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Select, Subquery, and_, func, join, or_, select, true

from app.db.statements import CompiledStatement, Executor, Row, literal_int
from app.models import CategoryRollup, Deal, DealRollup, deal_categories
from app.repositories.search.totals import Rollup

ROLLUPS: Final[Sequence[Rollup]] = (DealRollup, CategoryRollup)
TOLD: Final = 20
"""How many differences a comparison tells one by one."""


@dataclass(frozen=True, slots=True)
class Sums:
    """How many deals there are, and what they cost together."""

    deals: int
    prices: Decimal


@dataclass(frozen=True, slots=True)
class Difference:
    """What a rollup keeps of some deals, and what they come to when they are counted."""

    category_id: int | None
    hotel_id: int
    star_rating: int
    is_available: bool
    kept: Sums
    counted: Sums


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of `rows` rows of a rollup, about so many deals, some are `different`; the first of them are told."""

    rollup: str
    rows: int
    deals: int
    different: int
    first: Sequence[Difference]


class RollupRepository:
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def compare(self, rollup: Rollup) -> Comparison:
        """All that the rollup keeps with all that can be counted at the same moment."""
        rows = await self._database.fetch_all(CompiledStatement[Row](_comparison(rollup)), {})
        first = [_difference(row) for row in rows if row["hotel_id"] is not None]
        totals = rows[0]
        return Comparison(rollup.__tablename__, totals["rows"], int(totals["deals"]), totals["different"], first)


def _comparison(rollup: Rollup) -> Select[*tuple[Any, ...]]:
    """The totals, beside each of the first differences or beside nothing."""
    compared = _beside(rollup).cte("compared")
    is_different = _is_different(compared)
    keys = [compared.c[key] for key in _keys(rollup)]
    totals = select(
        func.count().label("rows"),
        func.coalesce(func.sum(compared.c.deals_counted), literal_int(0)).label("deals"),
        func.count().filter(is_different).label("different"),
    ).subquery("totals")
    first = select(compared).where(is_different).order_by(*keys).limit(literal_int(TOLD)).subquery("first")
    order = [first.c[key] for key in _keys(rollup)]
    return select(totals, *first.c).select_from(totals.outerjoin(first, true())).order_by(*order)


def _beside(rollup: Rollup) -> Select[*tuple[Any, ...]]:
    """Each row of the rollup with its deals counted. A row of no deals is as good as none."""
    kept, counted, keys = _kept(rollup), _counted(rollup), _keys(rollup)
    same = and_(*(kept.c[key] == counted.c[key] for key in keys))
    return select(
        *(func.coalesce(kept.c[key], counted.c[key]).label(key) for key in keys),
        *(
            func.coalesce(source.c[sum_], literal_int(0)).label(f"{sum_}_{name}")
            for name, source in (("kept", kept), ("counted", counted))
            for sum_ in ("deals", "prices")
        ),
    ).select_from(kept.join(counted, same, full=True))


def _kept(rollup: Rollup) -> Subquery:
    sums = rollup.deal_count.label("deals"), rollup.price_sum.label("prices")
    is_something = or_(rollup.deal_count != 0, rollup.price_sum != 0)
    return select(*rollup.__table__.primary_key, *sums).where(is_something).subquery("kept")


def _counted(rollup: Rollup) -> Subquery:
    deals, columns = Deal.__table__, dict(Deal.__table__.c)
    if rollup is CategoryRollup:
        links = deal_categories.c
        deals, columns = join(deals, deal_categories, links.deal_id == Deal.id), columns | dict(links)
    keys = [columns[key] for key in _keys(rollup)]
    sums = func.count().label("deals"), func.sum(Deal.price_per_night).label("prices")
    return select(*keys, *sums).select_from(deals).group_by(*keys).subquery("counted")


def _keys(rollup: Rollup) -> list[str]:
    return [column.name for column in rollup.__table__.primary_key]


def _is_different(compared: CTE) -> ColumnElement[bool]:
    columns = compared.c
    return or_(columns.deals_kept != columns.deals_counted, columns.prices_kept != columns.prices_counted)


def _difference(row: Row) -> Difference:
    return Difference(
        category_id=row.get("category_id"),
        hotel_id=row["hotel_id"],
        star_rating=row["star_rating"],
        is_available=row["is_available"],
        kept=Sums(row["deals_kept"], row["prices_kept"]),
        counted=Sums(row["deals_counted"], row["prices_counted"]),
    )
