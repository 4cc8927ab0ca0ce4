"""Every row against the rules that can be checked without the other rows."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from typing import Final

import pandas as pd

from app.importer.types import RejectedCell
from app.schemas.base import MAX_DATE, MAX_ID, MIN_DATE, clean_text

Rule = Callable[[str], str]

MAX_CATEGORIES: Final = 20

_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_PRICE: Final = re.compile(r"[0-9]{1,8}(\.[0-9]{1,2})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    _DATE.pattern + r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_BOOLEANS: Final = {"true": "true", "false": "false"}
_FIRST_INSTANT: Final = datetime(MIN_DATE.year, MIN_DATE.month, MIN_DATE.day, tzinfo=UTC)
_LAST_INSTANT: Final = datetime(MAX_DATE.year, MAX_DATE.month, MAX_DATE.day, tzinfo=UTC)


def whole_number(cell: str, *, minimum: int, maximum: int) -> str:
    text = cell.strip()
    if _DIGITS.fullmatch(text) and minimum <= int(text) <= maximum:
        return str(int(text))
    raise ValueError(f"must be a whole number from {minimum} to {maximum}")


def small_number(cell: str, *, minimum: int, maximum: int) -> str:
    """A whole number; `4.0` is 4, as spreadsheets write it."""
    return whole_number(cell.strip().removesuffix(".0"), minimum=minimum, maximum=maximum)


def price(cell: str) -> str:
    text = cell.strip()
    if _PRICE.fullmatch(text) and text.strip("0."):
        return text
    raise ValueError("must be a price from 0.01 to 99999999.99 with at most two decimals")


def calendar_date(cell: str) -> str:
    text = cell.strip()
    with suppress(ValueError):
        if _DATE.fullmatch(text) and MIN_DATE <= date.fromisoformat(text) <= MAX_DATE:
            return text
    raise ValueError(f"must be a date like 2026-03-01, from {MIN_DATE} to {MAX_DATE}")


def instant(cell: str) -> str:
    """An ISO 8601 timestamp; one without an offset is UTC."""
    text = cell.strip()
    with suppress(ValueError):
        if _INSTANT.fullmatch(text):
            parsed = datetime.fromisoformat(text)
            aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
            if _FIRST_INSTANT <= aware <= _LAST_INSTANT:
                return aware.isoformat()
    raise ValueError(f"must be a timestamp like 2026-03-01T09:12:44Z, from {MIN_DATE} to {MAX_DATE}")


def boolean(cell: str) -> str:
    try:
        return _BOOLEANS[cell.strip().lower()]
    except KeyError:
        raise ValueError("must be True or False") from None


def categories(cell: str) -> str:
    """Names between commas, each once whatever its case, the first spelling kept; none at all is fine."""
    names: dict[str, str] = {}
    for part in cell.split(","):
        if part.strip():
            name = clean_text(part, max_length=50)
            names.setdefault(name.lower(), name)
    if len(names) > MAX_CATEGORIES:
        raise ValueError(f"must name at most {MAX_CATEGORIES} categories")
    return ",".join(names.values())


RULES: Final[Mapping[str, Rule]] = {
    "id": partial(whole_number, minimum=1, maximum=MAX_ID),
    "hotel_name": partial(clean_text, max_length=200),
    "hotel_city": partial(clean_text, max_length=100),
    "hotel_country": partial(clean_text, max_length=100),
    "hotel_star_rating": partial(small_number, minimum=1, maximum=5),
    "hotel_phone": partial(clean_text, max_length=32),
    "room_type": partial(clean_text, max_length=100),
    "price_per_night": price,
    "original_price": price,
    "discount_percent": partial(small_number, minimum=0, maximum=100),
    "checkin_date": calendar_date,
    "checkout_date": calendar_date,
    "is_available": boolean,
    "categories": categories,
    "created_at": instant,
}


def check(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[RejectedCell]]:
    """The values of all rows as the database takes them, and what is wrong with the bad ones.

    A bad cell's value is missing, so that the checks between rows still see what is good about its row.
    """
    values, rejects = {}, []
    for column, rule in RULES.items():
        good, reasons = _judge(cells[column].unique(), rule=rule)
        values[column] = cells[column].map(good)
        bad = cells[column][cells[column].isin(list(reasons))]
        rejects += [
            RejectedCell(line, column, cell, reasons[cell]) for line, cell in zip(bad.index.tolist(), bad, strict=True)
        ]
    frame = pd.DataFrame(values)
    return frame, rejects + _stays_that_end_before_they_start(frame)


def _judge(distinct: Iterable[str], *, rule: Rule) -> tuple[dict[str, str], dict[str, str]]:
    """The value of each good cell, and the reason against each bad one."""
    good, reasons = {}, {}
    for cell in distinct:
        try:
            good[cell] = rule(cell)
        except ValueError as error:
            reasons[cell] = str(error)
    return good, reasons


def _stays_that_end_before_they_start(values: pd.DataFrame) -> list[RejectedCell]:
    stays = values[["checkin_date", "checkout_date"]].dropna()
    wrong = stays[stays["checkout_date"] <= stays["checkin_date"]]
    return [
        RejectedCell(line, "checkout_date", checkout, f"must be after the check-in on {checkin}")
        for line, checkin, checkout in wrong.itertuples(name=None)
    ]
