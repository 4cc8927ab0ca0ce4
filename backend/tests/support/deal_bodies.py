"""Request bodies of hotels and deals: strategies over the whole range of every field, and plain examples."""

import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

from tests.support.visible_text import is_visible

Body = dict[str, Any]

MIN_DATE: Final = date(2000, 1, 1)
MAX_DATE: Final = date(2100, 1, 1)

_TRICKY: Final = (
    "\u0130",  # lower case in Unicode is two characters
    "\u00df",
    "e\u0301",
    "\u1e9b\u0323",
    "\u212b",  # NFC is another single character
    "\u1112\u1161\u11ab",
    "\u0958",  # NFC is longer
    "\U0001d15e",
    "\U0001f3e8",
    "\U0001d49c",
    "\u0301",
    "\u200d",
    "\u00a0",
    "\u2028",
    "\ufeff",
    "\uffff",
    " ",
    '"',
    "\\",
    "%",
)
_PIECES: Final = st.sampled_from(_TRICKY) | st.characters(exclude_categories=["Cc", "Cs"])


def normalize(text: str) -> str:
    """Normalize text as the catalogue stores it."""
    return unicodedata.normalize("NFC", text.strip())


def texts(max_length: int) -> st.SearchStrategy[str]:
    """Visible text that has 1 to `max_length` characters once normalized; sometimes exactly `max_length`."""
    short = st.lists(_PIECES, min_size=1, max_size=12).map("".join)
    full = _PIECES.map(lambda piece: piece * max_length)
    return (short | full).filter(lambda text: is_visible(text) and len(normalize(text)) <= max_length)


def _decimal_forms(cents: int) -> st.SearchStrategy[Decimal]:
    price = Decimal(cents).scaleb(-2)
    return st.sampled_from([price, price.normalize()])


DAYS: Final = st.dates(MIN_DATE, MAX_DATE)
PRICES: Final = st.integers(1, 9_999_999_999).flatmap(_decimal_forms)
IDS: Final = st.integers(1, 2**63 - 1)

_FIELDS: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "room_type": texts(100),
    "star_rating": st.integers(1, 5),
    "price_per_night": PRICES,
    "original_price": PRICES,
    "discount_percent": st.integers(0, 100),
    "checkin_date": DAYS,
    "checkout_date": DAYS,
}
_OPTIONAL: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "external_id": st.none() | IDS,
    "is_available": st.booleans(),
    "categories": st.lists(texts(50), max_size=20),
}
PLAIN_DEAL: Final[Body] = {
    "room_type": "Double",
    "star_rating": 3,
    "price_per_night": Decimal("99.90"),
    "original_price": Decimal("120.00"),
    "discount_percent": 17,
    "checkin_date": date(2026, 3, 1),
    "checkout_date": date(2026, 3, 4),
}
"""A valid deal without its hotel."""
PLAIN_HOTEL: Final[Body] = {
    "name": "Crown Tower",
    "city": "Toronto",
    "country": "Canada",
    "phone": "+1-416-555-1333",
}
DEFAULTS: Final[Body] = {"external_id": None, "is_available": True, "categories": []}


def _with_valid_stay(body: Body) -> Body:
    checkin, checkout = sorted([body["checkin_date"], body["checkout_date"]])
    if checkin == MAX_DATE:
        checkin -= timedelta(days=1)
    return body | {"checkin_date": checkin, "checkout_date": max(checkout, checkin + timedelta(days=1))}


_HOTEL_FIELDS: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "name": texts(200),
    "city": texts(100),
    "country": texts(100),
    "phone": texts(32),
}

HOTELS: Final = st.fixed_dictionaries(dict(_HOTEL_FIELDS))
HOTEL_PATCHES: Final = st.fixed_dictionaries({}, optional=dict(_HOTEL_FIELDS))
"""Any subset of a hotel's fields."""
DEALS: Final = st.fixed_dictionaries(dict(_FIELDS), optional=dict(_OPTIONAL)).map(_with_valid_stay)
"""Valid deals without their hotel."""

DEAL_PATCHES: Final = st.fixed_dictionaries({}, optional={**_FIELDS, **_OPTIONAL})
"""Any subset of a deal's fields except the hotel; the dates may conflict with the deal's other date."""
