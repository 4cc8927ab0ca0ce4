"""Files of deals for tests: a row that is right, and what a test changes about it."""

import csv
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Final

from app.importer.types import COLUMNS

Row = Mapping[str, str]

_GOOD_ROW: Final[Row] = {
    "id": "7",
    "hotel_name": "Crown Tower",
    "hotel_city": "Toronto",
    "hotel_country": "Canada",
    "hotel_star_rating": "4",
    "hotel_phone": "+1-416-555-1333",
    "room_type": "Deluxe",
    "price_per_night": "129.15",
    "original_price": "184.50",
    "discount_percent": "30",
    "checkin_date": "2026-03-01",
    "checkout_date": "2026-03-04",
    "is_available": "True",
    "categories": "luxury,romantic",
    "created_at": "2025-11-03T09:12:44Z",
}


def row(**cells: str) -> Row:
    """A good row, except for `cells`."""
    return {**_GOOD_ROW, **cells}


def other_hotel(**cells: str) -> Row:
    """A good row of another hotel, except for `cells`."""
    return row(
        **{
            "hotel_name": "Park Inn",
            "hotel_city": "Rome",
            "hotel_country": "Italy",
            "hotel_phone": "+39-06-555-1000",
            **cells,
        }
    )


def text_of(rows: Iterable[Row], *, columns: Iterable[str] = COLUMNS) -> str:
    out = StringIO()
    writer = csv.DictWriter(out, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write_rows(path: Path, *rows: Row) -> Path:
    path.write_text(text_of(rows), encoding="utf-8", newline="")
    return path
