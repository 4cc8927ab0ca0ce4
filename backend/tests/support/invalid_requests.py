"""Requests that are invalid as a whole, and the writes whose fields are tested one by one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.support import invalid_values
from tests.support.api_catalogue import DEAL, HOTEL

VALID_DEAL: Final = {
    "hotel_id": HOTEL,
    "room_type": "Suite",
    "star_rating": 5,
    "price_per_night": 129.99,
    "original_price": 185.7,
    "discount_percent": 30,
    "checkin_date": "2026-03-01",
    "checkout_date": "2026-03-04",
}
VALID_HOTEL: Final = {"name": "Crown Tower", "city": "Oslo", "country": "Norway", "phone": "+47-22-555-1333"}
VALID_BODY: Final = b'{"name": "Crown Tower"}'
"""Accepted by PATCH /hotels/{id}."""


@dataclass(frozen=True, slots=True)
class Write:
    """An endpoint with a body: one that it accepts, the values that each field rejects, and names of no field."""

    method: str
    target: str
    valid: Mapping[str, object]
    invalid: Mapping[str, Mapping[str, str]]
    unknown: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.target}"

    def body(self, field: str, value: str) -> bytes:
        """The valid body with `value`, as JSON text, for `field`."""
        members = {name: json.dumps(content) for name, content in self.valid.items()} | {field: value}
        return f"{{{', '.join(f'{json.dumps(name)}: {content}' for name, content in members.items())}}}".encode()


_SET_BY_THE_SERVICE: Final = ("id", "created_at", "updated_at", "hotel", "avg_star_rating")
_NO_FIELDS: Final = ("", " ", "Name", "room type", "__class__", "\x00", "\ud800", "\u202e", "y" * 1000)
WRITES: Final = (
    Write("POST", "/deals", VALID_DEAL, invalid_values.DEAL, (*_SET_BY_THE_SERVICE, "version", *_NO_FIELDS)),
    Write("PATCH", f"/deals/{DEAL}", VALID_DEAL, invalid_values.DEAL_PATCH, (*_SET_BY_THE_SERVICE, *_NO_FIELDS)),
    Write("POST", "/hotels", VALID_HOTEL, invalid_values.HOTEL, (*_SET_BY_THE_SERVICE, "deals", *_NO_FIELDS)),
    Write(
        "PATCH", f"/hotels/{HOTEL}", VALID_HOTEL, invalid_values.HOTEL, (*_SET_BY_THE_SERVICE, "version", *_NO_FIELDS)
    ),
)
MALFORMED: Final = {
    "a blank": b" ",
    "half an object": b'{"name":',
    "no value": b'{"name":}',
    "a comma too many": b'{"name": "Crown Tower",}',
    "a comment": b'{"name": "Crown Tower"} // renamed',
    "two objects": b"{}{}",
    "a form": b"name=Crown+Tower",
    "XML": b"<hotel/>",
    "NUL after it": b"{}\x00",
    "a name twice": b'{"name": "Crown Tower", "name": "Crown Tower"}',
    "a name twice, once escaped": b'{"name": "Crown Tower", "n\\u0061me": "Crown Tower"}',
    "a name twice in a nested object": b'{"name": {"a": 1, "a": 1}}',
    "UTF-8 with a byte order mark": b"\xef\xbb\xbf" + VALID_BODY,
    "UTF-16": VALID_BODY.decode().encode("utf-16"),
    "UTF-16 without a byte order mark": VALID_BODY.decode().encode("utf-16-le"),
    "UTF-32": VALID_BODY.decode().encode("utf-32-be"),
    "Latin-1": '{"name": "Café Royal"}'.encode("latin-1"),
    "a surrogate in UTF-8": b'{"name": "Crown\xed\xa0\x80"}',
    "an overlong character": b'{"name": "Crown\xc0\xaf"}',
    "half a character": b'{"name": "Crown\xe2\x82"}',
    "a name with a byte that is not UTF-8": b'{"na\xffme": "Crown Tower"}',
    "nested 10000 deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "brackets that never close": b"[" * 60_000,
}
"""Bodies that no JSON parser may accept."""
NOT_AN_OBJECT: Final = (
    "null",
    "[]",
    "[{}]",
    '"luxury"',
    "1299",
    "1299.5",
    "-1.299e+16",
    "true",
    '[["room_type", "Suite"]]',
)
MEDIA_TYPES: Final = (
    "",
    "text/plain",
    "text/json",
    "application/jsonx",
    "application/json, text/html",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "json",
    "*/*",
    "application/" + "+" * 5000,
)
"""Media types that are not JSON."""
UNKNOWN_PATHS: Final = (
    "/nothing",
    "/deals/1/rooms",
    "/deals//1",
    "//deals",
    "//deals/",
    "/deals//",
    "/deals/1%2F/",
    "//evil.test/",
    "/nothing/",
    "/deals/1/rooms/",
    "/Deals",
    "/deals/1%2F",
    "/deals/%2F",
    "/deals%00",
    "/%ff",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/docs/assets/../core.py",
    "/docs/assets/%2e%2e/core.py",
    "/docs/assets/%00",
    "/docs/assets/" + "y" * 5000,
    "*",
)
UNKNOWN_PARAMETERS: Final = (
    "colour",
    "City",
    "city%5B%5D",
    "limit%00",
    "price_min%20",
    "__proto__",
    "",
    "y" * 5000,
    "%E2%80%AE",
)
