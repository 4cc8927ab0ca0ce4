"""Strategies of filter sets: values that occur in a table, and a few that do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

FilterSet = dict[str, Any]
"""Filters by parameter name, as Python values; `hotel_id` is the 1-based position of a hotel in the table."""


@dataclass(frozen=True, slots=True)
class FilterValues:
    """The values that filters are drawn from."""

    cities: Sequence[str]
    countries: Sequence[str]
    categories: Sequence[str]
    room_types: Sequence[str]
    prices: st.SearchStrategy[Decimal]
    days: st.SearchStrategy[date]
    hotels: int


@st.composite
def filter_sets(draw: st.DrawFn, values: FilterValues) -> FilterSet:
    """Draw at most three filters, so that some rows still match; lower bounds do not exceed upper ones."""
    filters: dict[str, st.SearchStrategy[Any]] = {
        "city": _lists_of(values.cities),
        "country": _in_any_case(values.countries),
        "min_stars": st.integers(1, 5),
        "price_min": values.prices,
        "price_max": values.prices,
        "category": _lists_of(values.categories),
        "available_only": st.booleans(),
        "hotel_id": st.integers(1, values.hotels),
        "room_type": _in_any_case(values.room_types),
        "min_discount": st.integers(0, 100),
        "checkin_from": values.days,
        "checkin_to": values.days,
    }
    names = draw(st.lists(st.sampled_from(list(filters)), max_size=3, unique=True))
    return _order_bounds({name: draw(filters[name]) for name in names})


def to_query(filters: FilterSet, *, hotel_ids: Sequence[int]) -> dict[str, Any]:
    """Convert filters to query parameters; `hotel_ids` are the ids of the table's hotels, by position."""
    if "hotel_id" in filters:
        filters = {**filters, "hotel_id": hotel_ids[filters["hotel_id"] - 1]}
    return {name: value if isinstance(value, list) else _format(value) for name, value in filters.items()}


def _format(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _in_any_case(names: Sequence[str]) -> st.SearchStrategy[str]:
    variants = [variant for name in names for variant in (name, name.upper(), name.swapcase(), f" {name.lower()} ")]
    return st.sampled_from([*variants, "Nowhere", "%"])


def _lists_of(names: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(_in_any_case(names), min_size=1, max_size=3)


def _order_bounds(filters: FilterSet) -> FilterSet:
    for lower, upper in (("price_min", "price_max"), ("checkin_from", "checkin_to")):
        if lower in filters and upper in filters:
            bounds = sorted([filters[lower], filters[upper]])
            filters = filters | dict(zip((lower, upper), bounds, strict=True))
    return filters
