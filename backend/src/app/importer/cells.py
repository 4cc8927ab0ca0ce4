"""Parse a cell of each column into text that PostgreSQL reads.

A cell may be written as PostgreSQL, JavaScript, pandas, .NET or a spreadsheet write it, as long as it has only one
meaning. Every parser raises ValueError with the reason for a rejection.
"""

import ast
import csv
import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from typing import Final

from app.importer.types import DAMAGED_BYTE
from app.schemas.base import MAX_DATE, MAX_ID, MIN_DATE, clean_text

Parser = Callable[[str], str]

MAX_CATEGORIES: Final = 20

_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_PRICE: Final = re.compile(r"[0-9]{1,8}(\.[0-9]{1,2})?")
_DATE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([Tt ]00:00(:00(\.0{1,9})?)?([Zz]|[+]00(:?00)?)?)?")
_TIMESTAMP: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([Tt ](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(:(?P<second>[0-9]{2})([.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<offset>[Zz]| (UTC|GMT)| ?[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9]+([.,][0-9]*)?[Ee][+-]?[0-9]+")
_NUMBER: Final = re.compile(r"[0-9]+([.,][0-9]+)?")
_DECIMAL_COMMA: Final = re.compile(r"[0-9]+,[0-9]{1,2}")
_BOOLEANS: Final = {"true": "true", "t": "true", "yes": "true", "y": "true", "1": "true"} | {
    "false": "false", "f": "false", "no": "false", "n": "false", "0": "false"
}  # fmt: skip
_MIN_TIMESTAMP: Final = datetime(MIN_DATE.year, MIN_DATE.month, MIN_DATE.day, tzinfo=UTC)
_MAX_TIMESTAMP: Final = datetime(MAX_DATE.year, MAX_DATE.month, MAX_DATE.day, tzinfo=UTC)
_SEPARATORS: Final = re.compile("[,;|]")
_ARRAY: Final = re.compile(r"\{.*\}", re.DOTALL)
_LIST: Final = re.compile(r"\[.*\]|\(['\"].*\)", re.DOTALL)
_NOT_A_LIST: Final = "must be a list of names of categories"
_MISSING_VALUES: Final = frozenset({"null", "none", "nan", "\\n"})
_SYNTAX: Final = re.compile(r"[\[\]{}\",;|]|^'.*'$")


def parse_cell(parse: Parser, cell: str) -> str:
    """Parse `cell`, and give a byte that is not UTF-8 as the reason for its rejection."""
    if DAMAGED_BYTE.search(cell):
        raise ValueError("must be UTF-8, and has bytes that are not")
    return parse(cell)


def parse_integer(cell: str, *, minimum: int, maximum: int) -> str:
    """Accept `4.0` as 4: spreadsheets and pandas write whole numbers like that."""
    text = cell.strip()
    if _SCIENTIFIC.fullmatch(text):
        raise ValueError("must be a whole number with all its digits, not one in scientific notation")
    digits = text.removesuffix(".0")
    if _DIGITS.fullmatch(digits) and minimum <= int(digits) <= maximum:
        return str(int(digits))
    raise ValueError(f"must be a whole number from {minimum} to {maximum}")


def parse_id(cell: str) -> str:
    """Reject `4.0`: a large id that was a binary float before has lost digits."""
    if cell.strip().endswith(".0"):
        raise ValueError("must be a whole number with all its digits, not a decimal number")
    return parse_integer(cell, minimum=1, maximum=MAX_ID)


def parse_phone(cell: str) -> str:
    """Reject numbers as spreadsheets and pandas write them, whose last digits may be lost."""
    text = clean_text(cell, max_length=32)
    if _SCIENTIFIC.fullmatch(text):
        raise ValueError("must be a phone number with all its digits, not a number in scientific notation")
    if text.endswith(".0") and _NUMBER.fullmatch(text):
        raise ValueError("must be a phone number, not a decimal number")
    return text


def parse_price(cell: str) -> str:
    text = cell.strip()
    if _PRICE.fullmatch(text) and text.strip("0."):
        return text
    hint = ", after a point" if _DECIMAL_COMMA.fullmatch(text) else ""
    raise ValueError(f"must be a price from 0.01 to 99999999.99 with at most two decimals{hint}")


def parse_date(cell: str) -> str:
    """Accept a timestamp of midnight: spreadsheets, pandas and JavaScript write dates like that."""
    match = _DATE.fullmatch(cell.strip())
    with suppress(ValueError):
        if match and MIN_DATE <= date.fromisoformat(match[1]) <= MAX_DATE:
            return match[1]
    raise ValueError(f"must be a date like 2026-03-01, from {MIN_DATE} to {MAX_DATE}")


def parse_timestamp(cell: str) -> str:
    """A time without an offset is UTC. Digits after the microseconds are dropped."""
    match = _TIMESTAMP.fullmatch(cell.strip())
    with suppress(ValueError):
        if match:
            timestamp = _to_timestamp(**match.groupdict(default=""))
            if _MIN_TIMESTAMP <= timestamp <= _MAX_TIMESTAMP:
                return timestamp.astimezone(UTC).isoformat()
    raise ValueError(f"must be a timestamp like 2026-03-01T09:12:44Z, from {MIN_DATE} to {MAX_DATE}")


def _to_timestamp(*, date: str, hour: str, minute: str, second: str, fraction: str, offset: str) -> datetime:
    clock = f"{hour or '0':0>2}:{minute or '00'}:{second or '00'}.{fraction[:6]:0<6}"
    zone = offset.strip() if offset.strip()[:1] in {"+", "-"} else "Z"
    return datetime.fromisoformat(f"{date}T{clock}{zone}")


def parse_boolean(cell: str) -> str:
    """Accept true, t, yes, y and 1, and their opposites, in any case."""
    try:
        return _BOOLEANS[cell.strip().lower()]
    except KeyError:
        raise ValueError("must be True or False") from None


def parse_categories(cell: str) -> str:
    """Accept names separated by commas, semicolons or vertical bars, and lists of JSON, Python and PostgreSQL.

    Each name counts once. The database merges names that differ only in case.
    """
    names = dict.fromkeys(clean_text(part, max_length=50) for part in _split_categories(cell.strip()) if part.strip())
    if any(map(_SYNTAX.search, names)):
        raise ValueError("must be names of categories without brackets, quotes and separators")
    if any(name.lower() in _MISSING_VALUES for name in names):
        raise ValueError("must be names of categories, or empty, and not the text of a missing value")
    if len(names) > MAX_CATEGORIES:
        raise ValueError(f"must name at most {MAX_CATEGORIES} categories")
    return ",".join(names)


def _split_categories(text: str) -> Sequence[str]:
    if _ARRAY.fullmatch(text):
        return _parse_array(text)
    if _LIST.fullmatch(text):
        return _parse_list(text)
    separators = set(_SEPARATORS.findall(text))
    if len(separators) > 1:
        raise ValueError(f"must separate categories by one character, not by {' and '.join(sorted(separators))}")
    return text.split(separators.pop()) if separators else [text]


def _parse_list(text: str) -> Sequence[str]:
    """The strings of a list such as `["a", "b"]` or `['a', 'b']`, or the names of `[a, b]`."""
    for parse in (json.loads, _parse_literal):
        with suppress(ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            names = parse(text)
            if not all(isinstance(name, str) for name in names):
                break
            return list(names)
    else:
        return _parse_array(text)
    raise ValueError(_NOT_A_LIST)


def _parse_literal(text: str) -> Sequence[object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # for a backslash
        names: Sequence[object] = ast.literal_eval(text)
    return names


def _parse_array(text: str) -> Sequence[str]:
    """The elements of an array of PostgreSQL such as `{a,"b"}`."""
    try:
        (names,) = csv.reader([text[1:-1]], strict=True, skipinitialspace=True)
    except csv.Error:
        raise ValueError(_NOT_A_LIST) from None
    return names


PARSERS: Final[Mapping[str, Parser]] = {
    "id": parse_id,
    "hotel_name": partial(clean_text, max_length=200),
    "hotel_city": partial(clean_text, max_length=100),
    "hotel_country": partial(clean_text, max_length=100),
    "hotel_star_rating": partial(parse_integer, minimum=1, maximum=5),
    "hotel_phone": parse_phone,
    "room_type": partial(clean_text, max_length=100),
    "price_per_night": parse_price,
    "original_price": parse_price,
    "discount_percent": partial(parse_integer, minimum=0, maximum=100),
    "checkin_date": parse_date,
    "checkout_date": parse_date,
    "is_available": parse_boolean,
    "categories": parse_categories,
    "created_at": parse_timestamp,
}
