"""Which way a count goes: the one place that knows what the rollups can tell."""

from typing import Any, Final

from sqlalchemy import BigInteger, ScalarSelect, Select, cast, func, select

from app.db.statements import literal_int
from app.models import CategoryRollup, Deal, DealRollup
from app.repositories.search.filters import FilterKey, where_clauses

Rollup = type[DealRollup] | type[CategoryRollup]

_KEPT_APART: Final = frozenset({"city", "country", "hotel_id", "min_stars", "available_only"})
"""The filters that both rollups can tell of: by their own columns, and by the hotel's."""


def choose_rollup(shape: FilterKey) -> Rollup | None:
    """Where to look up how many deals match filters of this shape; None where the deals themselves must be counted.

    * Only filters that the rollups keep apart: the rollup of the deals.
    * One category besides: the rollup of the categories. With two, a deal that is in both would count twice.
    * Any other filter: no rollup knows of prices, dates, discounts and room types.
    """
    others = [filter_ for filter_ in shape if filter_[0] not in _KEPT_APART]
    if not others:
        return DealRollup
    return CategoryRollup if others == [("category", 1)] else None


def exact_total(shape: FilterKey) -> ScalarSelect[Any]:
    """How many deals match filters of this shape, exactly."""
    rollup = choose_rollup(shape)
    if rollup is None:
        return select(func.count()).select_from(Deal).where(*where_clauses(shape)).scalar_subquery()
    return _rolled_up(rollup, shape).scalar_subquery()


def _rolled_up(rollup: Rollup, shape: FilterKey) -> Select[Any]:
    total = func.coalesce(func.sum(rollup.deal_count), literal_int(0))
    return select(cast(total, BigInteger)).where(*where_clauses(shape, of=rollup))


def total_upper_bound(shape: FilterKey) -> ScalarSelect[Any]:
    """A number that no fewer deals match, at no cost: a deal may count once for each of several categories."""
    rollup = CategoryRollup if any(name == "category" for name, _ in shape) else DealRollup
    return _rolled_up(rollup, shape).scalar_subquery()
