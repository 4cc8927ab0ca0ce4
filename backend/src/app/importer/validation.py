"""Validate each cell on its own, and the order of the dates of each stay."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from typing import Final

import pandas as pd

from app.importer.types import RejectedCell
from app.schemas.base import MAX_DATE, MAX_ID, MIN_DATE, clean_text

Parser = Callable[[str], str]
"""Returns a cell as text that PostgreSQL reads. Raises ValueError with the reason for a rejection."""

MAX_CATEGORIES: Final = 20

_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_PRICE: Final = re.compile(r"[0-9]{1,8}(\.[0-9]{1,2})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP: Final = re.compile(
    _DATE.pattern + r"([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?([Zz]| ?[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
_SCIENTIFIC: Final = re.compile(r"[0-9]([.,][0-9]+)?[Ee]\+?[0-9]+")
_BOOLEANS: Final = {"true": "true", "t": "true", "false": "false", "f": "false"}
_MIN_TIMESTAMP: Final = datetime(MIN_DATE.year, MIN_DATE.month, MIN_DATE.day, tzinfo=UTC)
_MAX_TIMESTAMP: Final = datetime(MAX_DATE.year, MAX_DATE.month, MAX_DATE.day, tzinfo=UTC)


def parse_integer(cell: str, *, minimum: int, maximum: int) -> str:
    text = cell.strip()
    if _DIGITS.fullmatch(text) and minimum <= int(text) <= maximum:
        return str(int(text))
    raise ValueError(f"must be a whole number from {minimum} to {maximum}")


def parse_small_integer(cell: str, *, minimum: int, maximum: int) -> str:
    """Accept `4.0` as 4: spreadsheets write whole numbers like that."""
    return parse_integer(cell.strip().removesuffix(".0"), minimum=minimum, maximum=maximum)


def parse_phone(cell: str) -> str:
    """Reject scientific notation: spreadsheets turn phone numbers into it, and the last digits are lost."""
    text = clean_text(cell, max_length=32)
    if _SCIENTIFIC.fullmatch(text):
        raise ValueError("must be a phone number with all its digits, not a number in scientific notation")
    return text


def parse_price(cell: str) -> str:
    text = cell.strip()
    if _PRICE.fullmatch(text) and text.strip("0."):
        return text
    raise ValueError("must be a price from 0.01 to 99999999.99 with at most two decimals")


def parse_date(cell: str) -> str:
    text = cell.strip()
    with suppress(ValueError):
        if _DATE.fullmatch(text) and MIN_DATE <= date.fromisoformat(text) <= MAX_DATE:
            return text
    raise ValueError(f"must be a date like 2026-03-01, from {MIN_DATE} to {MAX_DATE}")


def parse_timestamp(cell: str) -> str:
    """Accept ISO 8601, and the formats of PostgreSQL and .NET. A time without an offset is UTC.

    Digits after the microseconds are dropped.
    """
    text = cell.strip()
    with suppress(ValueError):
        if _TIMESTAMP.fullmatch(text):
            without_space = text[:11] + text[11:].replace(" ", "")
            parsed = datetime.fromisoformat(without_space.upper())
            aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
            if _MIN_TIMESTAMP <= aware <= _MAX_TIMESTAMP:
                return aware.isoformat()
    raise ValueError(f"must be a timestamp like 2026-03-01T09:12:44Z, from {MIN_DATE} to {MAX_DATE}")


def parse_boolean(cell: str) -> str:
    """Accept true and false in any case, and the t and f of PostgreSQL."""
    try:
        return _BOOLEANS[cell.strip().lower()]
    except KeyError:
        raise ValueError("must be True or False") from None


def parse_categories(cell: str) -> str:
    """Accept any number of names between commas; of names that differ only in case, the first one counts."""
    names: dict[str, str] = {}
    for part in cell.split(","):
        if part.strip():
            name = clean_text(part, max_length=50)
            names.setdefault(name.lower(), name)
    if len(names) > MAX_CATEGORIES:
        raise ValueError(f"must name at most {MAX_CATEGORIES} categories")
    return ",".join(names.values())


PARSERS: Final[Mapping[str, Parser]] = {
    "id": partial(parse_integer, minimum=1, maximum=MAX_ID),
    "hotel_name": partial(clean_text, max_length=200),
    "hotel_city": partial(clean_text, max_length=100),
    "hotel_country": partial(clean_text, max_length=100),
    "hotel_star_rating": partial(parse_small_integer, minimum=1, maximum=5),
    "hotel_phone": parse_phone,
    "room_type": partial(clean_text, max_length=100),
    "price_per_night": parse_price,
    "original_price": parse_price,
    "discount_percent": partial(parse_small_integer, minimum=0, maximum=100),
    "checkin_date": parse_date,
    "checkout_date": parse_date,
    "is_available": parse_boolean,
    "categories": parse_categories,
    "created_at": parse_timestamp,
}


def validate(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[RejectedCell]]:
    """Parse all cells, and list the invalid ones.

    The value of an invalid cell is missing; the other values of its row are there for the checks between rows.
    """
    values, rejects = {}, []
    for column, parse in PARSERS.items():
        parsed, reasons = _parse_distinct(cells[column].unique(), parse=parse)
        values[column] = cells[column].map(parsed)
        invalid = cells[column][cells[column].isin(list(reasons))]
        rejects += [
            RejectedCell(line, column, cell, reasons[cell])
            for line, cell in zip(invalid.index.tolist(), invalid, strict=True)
        ]
    frame = pd.DataFrame(values)
    return frame, rejects + _check_stay_order(frame)


def _parse_distinct(cells: Iterable[str], *, parse: Parser) -> tuple[dict[str, str], dict[str, str]]:
    """The values of the valid cells, and the reasons against the invalid ones."""
    values, reasons = {}, {}
    for cell in cells:
        try:
            values[cell] = parse(cell)
        except ValueError as error:
            reasons[cell] = str(error)
    return values, reasons


def _check_stay_order(values: pd.DataFrame) -> list[RejectedCell]:
    stays = values[["checkin_date", "checkout_date"]].dropna()
    reversed_stays = stays[stays["checkout_date"] <= stays["checkin_date"]]
    return [
        RejectedCell(line, "checkout_date", checkout, f"must be after the check-in on {checkin}")
        for line, checkin, checkout in reversed_stays.itertuples(name=None)
    ]
