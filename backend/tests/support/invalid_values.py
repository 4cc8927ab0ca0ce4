"""Invalid values for the fields of request bodies, as JSON text, by name and by type."""

import json
from collections.abc import Mapping
from typing import Final

from tests.support.visible_text import INVISIBLE_TEXTS

_NESTING_DEPTH: Final = 500

NOT_JSON: Final = {
    "NaN": "NaN",
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
    "5000 digits": "9" * 5000,
    "nested 25000 deep": "[" * 25_000 + "]" * 25_000,
    "an exponent of 30 digits": "1e" + "9" * 30,
    "a fraction without digits": "1.",
    "a leading zero": "0129",
    "a plus sign": "+129",
    "hexadecimal": "0x81",
    "single quotes": "'129'",
    "a raw control character": '"a\x07b"',
    "a raw newline": '"a\nb"',
    "a broken escape": '"\\u12"',
    "nothing": "",
}
"""Rejected for every field, by the parser."""

_OBJECTS: Final = {
    "an object": "{}",
    "a full object": '{"set": 1299}',
    f"nested {_NESTING_DEPTH} deep": "[" * _NESTING_DEPTH + "]" * _NESTING_DEPTH,
}
_OTHER_TYPES: Final = _OBJECTS | {"an empty list": "[]", "a list": "[1299]", "null": "null"}
_NUMBERS: Final = {
    "1e400": "1e400",
    "1e140000": "1e140000",
    "minus 1e140000": "-1e140000",
    "1e-140000": "1e-140000",
    "an exponent of 18 digits": "1e" + "9" * 18,
    "4000 digits": "9" * 4000,
    "beyond int64": "9223372036854775808",
    "below int64": "-9223372036854775809",
    "minus one": "-1",
}
_BOOLEANS: Final = {"true": "true", "false": "false"}
_TEXTS: Final = {"an empty text": '""', "a word": '"cheap"', "NUL": '"\\u0000"', "a lone surrogate": '"\\ud800"'}
_NUMBER_STRINGS: Final = {"a number as text": '"1299"', "NaN as text": '"NaN"', "a spelled fraction": '"129.99"'}
_NOT_NUMBERS: Final = _OTHER_TYPES | _BOOLEANS | _TEXTS | _NUMBER_STRINGS

_INTEGER: Final = (
    _NOT_NUMBERS
    | _NUMBERS
    | {"a fraction": "1.5", "1e-1": "1e-1", "nearly one": "1.00000000000000000001", "beyond int64, whole": "9.3e18"}
)
_PRICE: Final = (
    _NOT_NUMBERS
    | _NUMBERS
    | {
        "zero": "0",
        "minus zero": "-0.0",
        "three decimals": "129.999",
        "a thousandth": "0.001",
        "the sum of 0.1 and 0.2": "0.30000000000000004",
        "nine digits before the point": "100000000",
        "a digit more than fits": "123456789.99",
        "1e8": "1e8",
    }
)
_BOOLEAN: Final = (
    _OTHER_TYPES | _NUMBERS | _TEXTS | _NUMBER_STRINGS | {"0": "0", "1": "1", "yes": '"yes"', "true": '"true"'}
)
_DATE: Final = (
    _OTHER_TYPES
    | _NUMBERS
    | _BOOLEANS
    | _TEXTS
    | {
        "seconds": "86400",
        "seconds as text": '"86400"',
        "a moment": '"2026-03-01T00:00:00Z"',
        "a moment with a blank": '"2026-03-01 00:00:00"',
        "an early moment": '"0001-01-01T00:00:00+23:59"',
        "no dashes": '"20260301"',
        "no zeros": '"2026-3-1"',
        "a week": '"2026-W10-1"',
        "padded": '" 2026-03-02"',
        "a newline after": '"2026-03-02\\n"',
        "fullwidth digits": '"\uff12\uff10\uff12\uff16-03-02"',
        "30 February": '"2026-02-30"',
        "29 February of no leap year": '"2026-02-29"',
        "month 13": '"2026-13-01"',
        "day 0": '"2026-03-00"',
        "year 0": '"0000-01-01"',
        "before 2000": '"1999-12-31"',
        "after 2100": '"2100-01-02"',
        "year 9999": '"9999-12-31"',
        "year 12026": '"12026-03-02"',
        "BC": '"-2026-03-02"',
        "infinity": '"infinity"',
        "now": '"now"',
    }
)
_CATEGORIES: Final = (
    _OBJECTS
    | _NUMBERS
    | _BOOLEANS
    | _TEXTS
    | {
        "21 names": json.dumps([f"name {number}" for number in range(21)]),
        "one name 21 times": json.dumps(["luxury"] * 21),
        "a name too long": json.dumps(["luxury", "y" * 51]),
        "an empty name": '["luxury", ""]',
        "a blank name": '["luxury", " \u3000 "]',
        **{name: json.dumps(["luxury", text]) for name, text in INVISIBLE_TEXTS.items()},
        "a null name": '["luxury", null]',
        "a number": "[1299]",
        "a flag": "[true]",
        "a list in the list": '[["luxury"]]',
        "an object in the list": '[{"name": "luxury"}]',
        "NUL in a name": '["lux\\u0000ury"]',
        "a surrogate in a name": '["lux\\udc00ury"]',
        "a tab in a name": '["lux\\tury"]',
    }
)


def _text(max_length: int) -> Mapping[str, str]:
    return (
        _OTHER_TYPES
        | _NUMBERS
        | _BOOLEANS
        | {
            "a number": "1299",
            "empty": '""',
            "blank": '"   "',
            "blank in other scripts": '"\u00a0\u3000\u2003"',
            **{name: json.dumps(text) for name, text in INVISIBLE_TEXTS.items()},
            "NUL": '"Crown\\u0000Tower"',
            "only NUL": '"\\u0000"',
            "an escape character": '"Crown\\u001bTower"',
            "a tab": '"Crown\\tTower"',
            "a newline after": '"Crown Tower\\n"',
            "DEL": '"Crown\\u007fTower"',
            "a C1 control": '"Crown\\u0085Tower"',
            "a high surrogate": '"Crown\\ud800Tower"',
            "a low surrogate": '"\\udfffTower"',
            "surrogates the wrong way round": '"\\udc00\\ud800"',
            "one code point too long": json.dumps("y" * (max_length + 1)),
            "one wide code point too long": json.dumps("\U0001f3e8" * (max_length + 1)),
            "too long once composed": json.dumps("\u0958" * max_length),
            "50000 long": json.dumps("y" * 50_000),
            "10000 marks out of order": json.dumps("y" + "\u0315\u0300" * 5000),
        }
    )


def _without_null(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name != "null"}


_ID: Final = _INTEGER | {"zero": "0"}

DEAL: Final[dict[str, Mapping[str, str]]] = {
    "hotel_id": _ID,
    "external_id": _without_null(_ID),
    "room_type": _text(100),
    "star_rating": _ID | {"six": "6"},
    "price_per_night": _PRICE,
    "original_price": _PRICE,
    "discount_percent": _INTEGER | {"101": "101"},
    "checkin_date": _DATE,
    "checkout_date": _DATE,
    "is_available": _without_null(_BOOLEAN),
    "categories": _CATEGORIES,
}
DEAL_PATCH: Final[Mapping[str, Mapping[str, str]]] = DEAL | {
    "is_available": _BOOLEAN,
    "categories": _CATEGORIES | {"null": "null"},
    "version": _ID | {"beyond int32": "2147483648"},
}
HOTEL: Final[Mapping[str, Mapping[str, str]]] = {
    "name": _text(200),
    "city": _text(100),
    "country": _text(100),
    "phone": _text(32),
}
