"""CSV files of deals for tests, built from a valid row and the cells that a test changes."""

import csv
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Final

from app.importer.types import COLUMN_NAMES

Row = Mapping[str, str]

_VALID_ROW: Final[Row] = {
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
    """A valid row with `cells` replaced."""
    return {**_VALID_ROW, **cells}


def other_hotel(**cells: str) -> Row:
    """A valid row of another hotel with `cells` replaced."""
    return row(
        **{
            "hotel_name": "Park Inn",
            "hotel_city": "Rome",
            "hotel_country": "Italy",
            "hotel_phone": "+39-06-555-1000",
            **cells,
        }
    )


def to_csv(rows: Iterable[Row], *, columns: Iterable[str] = COLUMN_NAMES) -> str:
    out = StringIO()
    writer = csv.DictWriter(out, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write_rows(path: Path, *rows: Row) -> Path:
    path.write_text(to_csv(rows), encoding="utf-8", newline="")
    return path
