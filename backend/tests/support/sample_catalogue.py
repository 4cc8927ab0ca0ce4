"""The repository's deals.csv, loaded into the service and, independently, into pandas."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final

import pandas as pd
from hypothesis import strategies as st

from tests.support.filter_sets import FilterSet, FilterValues, filter_sets
from tests.support.pagination import skip_through
from tests.support.service import Service

CATEGORIES: Final = ("beach", "business", "family", "luxury", "romantic")
_CENT: Final = Decimal("0.01")

FILTERS: Final = filter_sets(
    FilterValues(
        cities=["Toronto", "New York", "Rome", "Buenos Aires", "Istanbul"],
        countries=["Canada", "United States", "Turkey"],
        categories=CATEGORIES,
        room_types=["Suite", "Double"],
        prices=st.integers(1_500, 66_000).map(lambda cents: Decimal(cents).scaleb(-2)),
        days=st.dates(date(2025, 12, 25), date(2027, 1, 5)),
        hotels=150,
    )
)

_Mask = Callable[[pd.DataFrame, Any], "pd.Series[bool]"]


def _equals_any(column: "pd.Series[str]", names: Sequence[str]) -> "pd.Series[bool]":
    return column.str.lower().isin([name.strip().lower() for name in names])


def _has_any_category(frame: pd.DataFrame, names: Sequence[str]) -> "pd.Series[bool]":
    """Match whole names of a comma-separated cell: with a comma added at either end, each is between two commas."""
    wanted = [f",{name.strip().lower()}," for name in names]
    cells = "," + frame["categories"].str.lower() + ","
    return pd.concat([cells.str.contains(name, regex=False) for name in wanted], axis="columns").any(axis="columns")


_MASKS: Final[dict[str, _Mask]] = {
    "city": lambda frame, names: _equals_any(frame["hotel_city"], names),
    "country": lambda frame, name: _equals_any(frame["hotel_country"], [name]),
    "min_stars": lambda frame, stars: frame["hotel_star_rating"] >= stars,
    "price_min": lambda frame, price: frame["cents"] >= price * 100,
    "price_max": lambda frame, price: frame["cents"] <= price * 100,
    "category": _has_any_category,
    "available_only": lambda frame, only: frame["is_available"] | (not only),
    "hotel_id": lambda frame, number: frame["hotel"] == number,
    "room_type": lambda frame, name: _equals_any(frame["room_type"], [name]),
    "min_discount": lambda frame, percent: frame["discount_percent"] >= percent,
    "checkin_from": lambda frame, day: frame["checkin_date"] >= str(day),
    "checkin_to": lambda frame, day: frame["checkin_date"] <= str(day),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """The service and the file's rows.

    The hotels are numbered from 1 in order of appearance; `hotel_ids` are their ids in the service, in that order.
    `average_stars` is the average star rating of all deals of a hotel, by its phone.
    """

    service: Service
    frame: pd.DataFrame
    hotel_ids: list[int]
    average_stars: dict[str, Decimal]

    @classmethod
    async def load(cls, file: Path, service: Service) -> "Sample":
        frame = pd.read_csv(file, keep_default_na=False, dtype={"price_per_night": str}).rename(
            columns={"price_per_night": "price"}
        )
        frame["cents"] = frame["price"].str.replace(".", "").astype("int64")
        numbers, phones = pd.factorize(frame["hotel_phone"])
        frame["hotel"] = numbers + 1
        stars = frame.groupby("hotel_phone")["hotel_star_rating"]
        pages = [page async for page in skip_through(service, "/hotels", limit=100)]
        ids = {hotel["phone"]: hotel["id"] for page in pages for hotel in page["items"]}
        return cls(
            service,
            frame,
            [ids[phone] for phone in phones],
            {str(phone): compute_average(ratings) for phone, ratings in stars},
        )

    def filter(self, filters: FilterSet) -> pd.DataFrame:
        """Return the rows of the file that match."""
        frame = self.frame
        for name, value in filters.items():
            frame = frame[_MASKS[name](frame, value)]
        return frame


def compute_average(values: "pd.Series[int]", *, unit: int = 1) -> Decimal:
    """Average the values in units of `unit`, rounded to two decimals, half up."""
    return (Decimal(int(values.sum())) / len(values) / unit).quantize(_CENT, ROUND_HALF_UP)
