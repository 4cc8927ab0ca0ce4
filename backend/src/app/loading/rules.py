"""One rule a column: from the text of a cell to the text that goes into the database.

Every rule raises ValueError with the reason if the cell does not fit.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from typing import Final

from app.schemas.base import FIRST_DAY, LAST_DAY, MAX_KEY, clean_text

Rule = Callable[[str], str]

MAX_CATEGORIES: Final = 20

_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_PRICE: Final = re.compile(r"[0-9]{1,8}(\.[0-9]{1,2})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    _DATE.pattern + r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_BOOLEANS: Final = {"true": "true", "false": "false"}
_FIRST_INSTANT: Final = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
_LAST_INSTANT: Final = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, tzinfo=UTC)


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
        if _DATE.fullmatch(text) and FIRST_DAY <= date.fromisoformat(text) <= LAST_DAY:
            return text
    raise ValueError(f"must be a date like 2026-03-01, from {FIRST_DAY} to {LAST_DAY}")


def instant(cell: str) -> str:
    """An ISO 8601 timestamp; one without an offset is UTC."""
    text = cell.strip()
    with suppress(ValueError):
        if _INSTANT.fullmatch(text):
            parsed = datetime.fromisoformat(text)
            aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
            if _FIRST_INSTANT <= aware <= _LAST_INSTANT:
                return aware.isoformat()
    raise ValueError(f"must be a timestamp like 2026-03-01T09:12:44Z, from {FIRST_DAY} to {LAST_DAY}")


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
    "id": partial(whole_number, minimum=1, maximum=MAX_KEY),
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
