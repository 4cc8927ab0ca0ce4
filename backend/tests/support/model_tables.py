"""Small tables of deals with few distinct values, hence many ties, and the lists expected of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st
from sqlalchemy import delete, insert

from app.models import Category, Deal, Hotel, deal_categories
from tests.support.filter_sets import FilterSet, FilterValues, filter_sets
from tests.support.service import Service

HOTELS: Final = (
    {"name": "Plaza", "city": "Toronto", "country": "Canada", "phone": "1"},
    {"name": "Palace", "city": "TORONTO", "country": "canada", "phone": "2"},
    {"name": "Roma", "city": "Rome", "country": "Italy", "phone": "3"},
)
CATEGORIES: Final = ("beach", "luxury", "Romantic")
_ROOM_TYPES: Final = ("Suite", "suite", "Single")
_PRICES: Final = [Decimal(price) for price in ("9.99", "10.00", "10.01", "250.00")]
_DAYS: Final = [date(2026, 2, 27) + timedelta(days=number) for number in range(4)]
_TIMESTAMPS: Final = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=number) for number in range(3)]

FILTERS: Final = filter_sets(
    FilterValues(
        cities=["Toronto", "Rome"],
        countries=["Canada", "Italy"],
        categories=CATEGORIES,
        room_types=["Suite", "Single"],
        prices=st.sampled_from(_PRICES),
        days=st.sampled_from(_DAYS),
        hotels=len(HOTELS),
    )
)


@dataclass(frozen=True, slots=True)
class Row:
    """A deal of the model; `hotel` is the index of its hotel in HOTELS."""

    hotel: int
    room_type: str
    star_rating: int
    price_per_night: Decimal
    discount_percent: int
    checkin_date: date
    created_at: datetime
    is_available: bool
    categories: frozenset[str]


SINGLE_ROW: Final = st.builds(
    Row,
    hotel=st.integers(0, len(HOTELS) - 1),
    room_type=st.sampled_from(_ROOM_TYPES),
    star_rating=st.sampled_from([1, 4, 5]),
    price_per_night=st.sampled_from(_PRICES),
    discount_percent=st.sampled_from([0, 50, 100]),
    checkin_date=st.sampled_from(_DAYS),
    created_at=st.sampled_from(_TIMESTAMPS),
    is_available=st.booleans(),
    categories=st.frozensets(st.sampled_from(CATEGORIES)),
)
ROWS: Final = st.sampled_from([0, 1, 5, 12, 20]).flatmap(
    lambda size: st.lists(SINGLE_ROW, min_size=size, max_size=size)
)


def _have_common_name(names: Iterable[str], others: Iterable[str]) -> bool:
    return bool({name.lower() for name in names} & {name.strip().lower() for name in others})


_MATCHES: Final[dict[str, Callable[[Row, Any], bool]]] = {
    "city": lambda row, names: _have_common_name([HOTELS[row.hotel]["city"]], names),
    "country": lambda row, name: _have_common_name([HOTELS[row.hotel]["country"]], [name]),
    "min_stars": lambda row, stars: row.star_rating >= stars,
    "price_min": lambda row, price: row.price_per_night >= price,
    "price_max": lambda row, price: row.price_per_night <= price,
    "category": lambda row, names: _have_common_name(row.categories, names),
    "available_only": lambda row, only: row.is_available or not only,
    "hotel_id": lambda row, number: row.hotel == number - 1,
    "room_type": lambda row, name: _have_common_name([row.room_type], [name]),
    "min_discount": lambda row, percent: row.discount_percent >= percent,
    "checkin_from": lambda row, day: row.checkin_date >= day,
    "checkin_to": lambda row, day: row.checkin_date <= day,
}


@dataclass(slots=True)
class Table:
    """A model of the deals, by id. Its changes are committed to the database directly, without the service."""

    service: Service
    hotel_ids: list[int] = field(default_factory=list)
    category_ids: dict[str, int] = field(default_factory=dict)
    rows: dict[int, Row] = field(default_factory=dict)

    @classmethod
    async def create(cls, service: Service, rows: Sequence[Row]) -> "Table":
        """Empty the catalogue and fill it with `rows`."""
        await service.empty()
        table = cls(service)
        async with service.database.sessions.begin() as session:
            hotels = insert(Hotel).returning(Hotel.id, sort_by_parameter_order=True)
            table.hotel_ids = list(await session.scalars(hotels, list(HOTELS)))
            categories = insert(Category).returning(Category.id, sort_by_parameter_order=True)
            ids = await session.scalars(categories, [{"name": name} for name in CATEGORIES])
            table.category_ids = dict(zip(CATEGORIES, ids, strict=True))
        await table.insert(rows)
        return table

    async def insert(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        async with self.service.database.sessions.begin() as session:
            deals = insert(Deal).returning(Deal.id, sort_by_parameter_order=True)
            ids = list(await session.scalars(deals, [self._get_column_values(row) for row in rows]))
            links = [
                {"deal_id": deal_id, "category_id": self.category_ids[name]}
                for deal_id, row in zip(ids, rows, strict=True)
                for name in row.categories
            ]
            if links:
                await session.execute(insert(deal_categories), links)
        self.rows |= dict(zip(ids, rows, strict=True))

    async def delete(self, deal_id: int) -> None:
        async with self.service.database.sessions.begin() as session:
            await session.execute(delete(Deal).where(Deal.id == deal_id))
        del self.rows[deal_id]

    def list_ids(self, filters: FilterSet, sort: str) -> list[int]:
        """List the ids of the matching rows in the order of `sort`."""
        key = sort.removeprefix("-")
        matching = [
            (deal_id if key == "id" else getattr(row, key), deal_id)
            for deal_id, row in self.rows.items()
            if all(_MATCHES[name](row, value) for name, value in filters.items())
        ]
        return [deal_id for _, deal_id in sorted(matching, reverse=sort.startswith("-"))]

    def _get_column_values(self, row: Row) -> dict[str, Any]:
        return {
            "hotel_id": self.hotel_ids[row.hotel],
            "room_type": row.room_type,
            "star_rating": row.star_rating,
            "price_per_night": row.price_per_night,
            "original_price": row.price_per_night,
            "discount_percent": row.discount_percent,
            "checkin_date": row.checkin_date,
            "checkout_date": row.checkin_date + timedelta(days=1),
            "created_at": row.created_at,
            "is_available": row.is_available,
        }
