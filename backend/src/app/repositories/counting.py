"""Which way a count goes: the one place that knows what the rollups can tell."""

from typing import Any, Final

from sqlalchemy import BigInteger, ScalarSelect, Select, cast, func, select

from app.db.reading import constant
from app.models import CategoryRollup, Deal, DealRollup
from app.repositories.filters import Shape, conditions

Rollup = type[DealRollup] | type[CategoryRollup]

_KEPT_APART: Final = frozenset({"city", "country", "hotel_id", "min_stars", "available_only"})
"""The filters that both rollups can tell of: by their own columns, and by the hotel's."""


def rollup_for(shape: Shape) -> Rollup | None:
    """Where to look up how many deals match filters of this shape; None where the deals themselves must be counted.

    * Only filters that the rollups keep apart: the rollup of the deals.
    * One category besides: the rollup of the categories. With two, a deal that is in both would count twice.
    * Any other filter: no rollup knows of prices, dates, discounts and room types.
    """
    others = [filter_ for filter_ in shape if filter_[0] not in _KEPT_APART]
    if not others:
        return DealRollup
    return CategoryRollup if others == [("category", 1)] else None


def total_of(shape: Shape) -> ScalarSelect[Any]:
    """How many deals match filters of this shape, exactly."""
    rollup = rollup_for(shape)
    if rollup is None:
        return select(func.count()).select_from(Deal).where(*conditions(shape)).scalar_subquery()
    return _rolled_up(rollup, shape).scalar_subquery()


def _rolled_up(rollup: Rollup, shape: Shape) -> Select[Any]:
    total = func.coalesce(func.sum(rollup.deal_count), constant(0))
    return select(cast(total, BigInteger)).where(*conditions(shape, of=rollup))


def at_most(shape: Shape) -> ScalarSelect[Any]:
    """A number that no fewer deals match, at no cost: a deal may count once for each of several categories."""
    rollup = CategoryRollup if any(name == "category" for name, _ in shape) else DealRollup
    return _rolled_up(rollup, shape).scalar_subquery()
