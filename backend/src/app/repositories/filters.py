"""The filter set in SQL. Case is folded by the database alone, and text is compared whole, never as a pattern."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, ColumnExpressionArgument, func, select
from sqlalchemy.orm import InstrumentedAttribute

from app.models import Category, Deal, Hotel
from app.schemas.filters import DealFilters

_Condition = Callable[[Any], ColumnExpressionArgument[bool]]


def _in_hotels(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return Deal.hotel_id.in_(select(Hotel.id).where(condition))


def _named(column: InstrumentedAttribute[str], names: list[str]) -> ColumnElement[bool]:
    return func.lower(column).in_([func.lower(name) for name in names])


_CONDITIONS: Final[dict[str, _Condition]] = {
    "city": lambda names: _in_hotels(_named(Hotel.city, names)),
    "country": lambda name: _in_hotels(func.lower(Hotel.country) == func.lower(name)),
    "min_stars": lambda stars: Deal.star_rating >= stars,
    "price_min": lambda price: Deal.price_per_night >= price,
    "price_max": lambda price: Deal.price_per_night <= price,
    "category": lambda names: Deal.categories.any(_named(Category.name, names)),
    "available_only": lambda _: Deal.is_available,
    "hotel_id": lambda hotel_id: Deal.hotel_id == hotel_id,
    "room_type": lambda name: func.lower(Deal.room_type) == func.lower(name),
    "min_discount": lambda percent: Deal.discount_percent >= percent,
    "checkin_from": lambda day: Deal.checkin_date >= day,
    "checkin_to": lambda day: Deal.checkin_date <= day,
}


def conditions(filters: DealFilters) -> Iterator[ColumnExpressionArgument[bool]]:
    """What a deal must satisfy to match `filters`; nothing for filters that are not given."""
    for name, condition in _CONDITIONS.items():
        value = getattr(filters, name)
        if value is not None and value is not False and value != []:
            yield condition(value)
