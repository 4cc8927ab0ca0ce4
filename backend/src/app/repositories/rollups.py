"""Verification of the rollups against the deals that they summarize."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NotRequired, TypedDict

from sqlalchemy import CTE, ColumnElement, Select, Subquery, and_, func, join, or_, select, true

from app.db.statements import CompiledStatement, Executor, literal_int
from app.models import CategoryRollup, Deal, DealRollup, deal_categories
from app.repositories.search.filters import Rollup

ROLLUPS: Final[Sequence[Rollup]] = (DealRollup, CategoryRollup)
MAX_SAMPLES: Final = 20
"""Maximum number of mismatches that a check lists."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The number of deals and the sum of their prices."""

    deals: int
    prices: Decimal


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A group of deals for which the rollup and the deals have different totals."""

    category_id: int | None
    hotel_id: int
    star_rating: int
    is_available: bool
    stored: Totals
    actual: Totals


@dataclass(frozen=True, slots=True)
class RollupCheck:
    """The result of comparing a rollup of `rows` rows with `deals` deals."""

    rollup: str
    rows: int
    deals: int
    mismatches: int
    samples: Sequence[Mismatch]
    """The first mismatches, at most MAX_SAMPLES."""


class _CheckRecord(TypedDict):
    """The totals of the check with one sample; without mismatches, one row with a null `hotel_id`."""

    rows: int
    deals: Decimal
    mismatches: int
    category_id: NotRequired[int]
    hotel_id: int | None
    star_rating: int
    is_available: bool
    deals_stored: int
    prices_stored: Decimal
    deals_actual: int
    prices_actual: Decimal


class RollupQueries:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def check(self, rollup: Rollup) -> RollupCheck:
        """Compare every row of the rollup with the deals, in one snapshot."""
        rows = await self._executor.fetch_all(CompiledStatement[_CheckRecord](_check_statement(rollup)), {})
        samples = [mismatch for row in rows if (mismatch := _to_mismatch(row))]
        summary = rows[0]
        return RollupCheck(rollup.__tablename__, summary["rows"], int(summary["deals"]), summary["mismatches"], samples)


def _check_statement(rollup: Rollup) -> Select[*tuple[Any, ...]]:
    compared = _stored_and_actual(rollup).cte("compared")
    is_mismatch = _is_mismatch(compared)
    keys = [compared.c[key] for key in _keys(rollup)]
    summary = select(
        func.count().label("rows"),
        func.coalesce(func.sum(compared.c.deals_actual), literal_int(0)).label("deals"),
        func.count().filter(is_mismatch).label("mismatches"),
    ).subquery("summary")
    sample = select(compared).where(is_mismatch).order_by(*keys).limit(literal_int(MAX_SAMPLES)).subquery("sample")
    order = [sample.c[key] for key in _keys(rollup)]
    return select(summary, *sample.c).select_from(summary.outerjoin(sample, true())).order_by(*order)


def _stored_and_actual(rollup: Rollup) -> Select[*tuple[Any, ...]]:
    """Both totals of every group of deals. A stored row with totals of zero is equivalent to no row."""
    stored, actual, keys = _stored(rollup), _actual(rollup), _keys(rollup)
    same_group = and_(*(stored.c[key] == actual.c[key] for key in keys))
    return select(
        *(func.coalesce(stored.c[key], actual.c[key]).label(key) for key in keys),
        *(
            func.coalesce(source.c[total], literal_int(0)).label(f"{total}_{source.name}")
            for source in (stored, actual)
            for total in ("deals", "prices")
        ),
    ).select_from(stored.join(actual, same_group, full=True))


def _stored(rollup: Rollup) -> Subquery:
    totals = rollup.deal_count.label("deals"), rollup.price_sum.label("prices")
    is_not_zero = or_(rollup.deal_count != 0, rollup.price_sum != 0)
    return select(*rollup.__table__.primary_key, *totals).where(is_not_zero).subquery("stored")


def _actual(rollup: Rollup) -> Subquery:
    deals, columns = Deal.__table__, dict(Deal.__table__.c)
    if rollup is CategoryRollup:
        links = deal_categories.c
        deals, columns = join(deals, deal_categories, links.deal_id == Deal.id), columns | dict(links)
    keys = [columns[key] for key in _keys(rollup)]
    totals = func.count().label("deals"), func.sum(Deal.price_per_night).label("prices")
    return select(*keys, *totals).select_from(deals).group_by(*keys).subquery("actual")


def _keys(rollup: Rollup) -> list[str]:
    return [column.name for column in rollup.__table__.primary_key]


def _is_mismatch(compared: CTE) -> ColumnElement[bool]:
    columns = compared.c
    return or_(columns.deals_stored != columns.deals_actual, columns.prices_stored != columns.prices_actual)


def _to_mismatch(row: _CheckRecord) -> Mismatch | None:
    if row["hotel_id"] is None:
        return None
    return Mismatch(
        category_id=row.get("category_id"),
        hotel_id=row["hotel_id"],
        star_rating=row["star_rating"],
        is_available=row["is_available"],
        stored=Totals(row["deals_stored"], row["prices_stored"]),
        actual=Totals(row["deals_actual"], row["prices_actual"]),
    )
