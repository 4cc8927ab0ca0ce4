"""Invalid query parameters and ids, percent-encoded, by name and by type."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from tests.support.visible_text import INVISIBLE_TEXTS

ENCODINGS: Final = {
    "a byte that is not UTF-8": "%ff",
    "a surrogate": "%ED%A0%80",
    "an overlong slash": "%C0%AF",
    "half a character": "Z%C3",
    "beyond Unicode": "%F4%90%80%80",
    "a bare percent": "%",
    "a percent and one digit": "1%2",
    "a percent and letters": "%zz",
    "IIS's own escape": "%u0031",
}
"""Rejected for every parameter, before its value is parsed."""

_CONTROLS: Final = {
    "NUL": "%00",
    "a value with NUL": "1%00",
    "a newline": "1%0A",
    "DEL": "%7F",
    "a C1 control": "%C2%85",
}
_EMPTY: Final = {"empty": "", "blank": "%20", "null": "null", "a list": "[1299]", "an object": "{}"}
_WORDS: Final = {"NaN": "NaN", "Infinity": "Infinity", "minus Infinity": "-Infinity", "inf": "inf", "true": "true"}
_NUMBER_FORMATS: Final = {
    "padded before": "%201",
    "padded after": "1%20",
    "a plus for a blank": "+1",
    "a plus sign": "%2B1",
    "an underscore": "1_0",
    "hexadecimal": "0x1",
    "fullwidth": "%EF%BC%91",
    "Arabic-Indic": "%D9%A1",
    "superscript": "%C2%B9",
    "two": "1,2",
    "a power": "1e2",
    "1e400": "1e400",
    "1e140000": "1e140000",
    "5000 digits": "9" * 5000,
    "SQL": "1%20OR%201=1",
}
_INTEGER: Final = (
    _EMPTY
    | _CONTROLS
    | _WORDS
    | _NUMBER_FORMATS
    | {
        "a fraction": "1.5",
        "a whole fraction": "1.0",
        "beyond int64": "9223372036854775808",
        "below int64": "-9223372036854775809",
        "twenty digits": "9" * 20,
        "minus one": "-1",
        "minus nothing": "-0",
    }
)
_ID: Final = _INTEGER | {"zero": "0"}
_PRICE: Final = (
    _EMPTY
    | _CONTROLS
    | _WORDS
    | _NUMBER_FORMATS
    | {
        "minus a cent": "-0.01",
        "minus nothing": "-0",
        "minus no cents": "-0.00",
        "three decimals": "129.999",
        "a thousandth": "0.001",
        "nine digits before the point": "100000000",
        "a digit more than fits": "123456789.99",
        "a decimal comma": "129,99",
        "nothing before the point": ".5",
        "nothing after the point": "5.",
        "two points": "1.2.3",
        "a currency": "$129",
        "5000 decimals": "0." + "1" * 5000,
    }
)
_FLAG: Final = {
    name: value for name, value in (_EMPTY | _CONTROLS | _WORDS | _NUMBER_FORMATS).items() if name != "true"
} | {"0": "0", "1": "1", "yes": "yes", "on": "on", "t": "t", "padded": "true%20"}
_DATE: Final = (
    _EMPTY
    | _CONTROLS
    | _WORDS
    | _NUMBER_FORMATS
    | {
        "seconds": "86400",
        "a moment": "2026-03-01T00:00:00Z",
        "no dashes": "20260301",
        "no zeros": "2026-3-1",
        "a newline after": "2026-03-02%0A",
        "NUL after": "2026-03-02%00",
        "fullwidth digits": "%EF%BC%92026-03-02",
        "30 February": "2026-02-30",
        "month 13": "2026-13-01",
        "year 0": "0000-01-01",
        "before 2000": "1999-12-31",
        "after 2100": "2100-01-02",
        "year 9999": "9999-12-31",
        "BC": "-2026-03-02",
        "now": "now",
    }
)
_SORT: Final = (
    _EMPTY
    | _CONTROLS
    | _NUMBER_FORMATS
    | {
        "capitals": "ID",
        "two minus signs": "--id",
        "a plus sign": "%2Bid",
        "a column that can't be sorted by": "room_type",
        "two fields": "id,name",
        "SQL": "id;DROP%20TABLE%20deals",
        "an attribute": "__class__",
    }
)
_COUNT: Final = _EMPTY | _CONTROLS | _NUMBER_FORMATS | {"capitals": "EXACT", "another": "all"}


def _text(max_length: int) -> Mapping[str, str]:
    return _CONTROLS | {
        "empty": "",
        "blank": "%20%20",
        "blank in other scripts": "%C2%A0%E3%80%80",
        **{name: quote(text) for name, text in INVISIBLE_TEXTS.items()},
        "NUL inside": "Toron%00to",
        "an escape character": "Toron%1Bto",
        "one code point too long": "y" * (max_length + 1),
        "one wide code point too long": "%F0%9F%8F%A8" * (max_length + 1),
        "too long once composed": "%E0%A5%98" * max_length,
        "20000 long": "y" * 20_000,
    }


CURSOR: Final = {
    "a letter": "A",
    "no alphabet": "!!!!",
    "NUL": "%00",
    "another script": "%C3%A9%C3%A9",
    "base64 of nothing": "====",
    "zeros": "A" * 120,
    "JSON": "WyJpZCIsIjEiLDFd",
    "as long as it may be": "A" * 500,
}
"""Cursors that the service has not issued."""
_FILTERS: Final[dict[str, Mapping[str, str]]] = {
    "city": _text(100),
    "country": _text(100),
    "min_stars": _ID | {"six": "6"},
    "price_min": _PRICE,
    "price_max": _PRICE,
    "category": _text(50),
    "available_only": _FLAG,
    "hotel_id": _ID,
    "room_type": _text(100),
    "min_discount": _INTEGER | {"101": "101"},
    "checkin_from": _DATE,
    "checkin_to": _DATE,
}
_PAGINATION: Final[dict[str, Mapping[str, str]]] = {
    "skip": _INTEGER,
    "limit": _ID | {"101": "101", "a million millions": "1000000000000"},
    "sort": _SORT,
}
QUERIES: Final[Mapping[tuple[str, str], Mapping[str, Mapping[str, str]]]] = {
    ("GET", "/deals"): _FILTERS | _PAGINATION | {"count": _COUNT, "cursor": {"too long": "A" * 501}},
    ("GET", "/deals/stats"): _FILTERS | {"sort": _SORT},
    ("GET", "/hotels"): _FILTERS | _PAGINATION,
    ("DELETE", "/deals/1"): {"version": _ID | {"beyond int32": "2147483648"}},
}
INVALID_IDS: Final = _ID | ENCODINGS | {"a letter": "a", "a dot": ".", "text": "Toronto", "a semicolon": "1;v=1"}
