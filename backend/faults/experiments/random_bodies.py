"""Random hotels and deals over the whole range of every field, with its limits chosen more often than by chance."""

import unicodedata
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from tests.support.deal_bodies import MAX_DATE, MIN_DATE, normalize
from tests.support.visible_text import is_visible

Body = dict[str, Any]

_EXCLUDED_CATEGORIES: Final = {"Cc", "Cs", "Cn"}
"""Control characters and surrogates are invalid; characters unknown to Python's Unicode cannot be normalized here."""
_PLANES: Final = ((0x20, 0x7E), (0xA0, 0x2FFF), (0x3000, 0xFFFF), (0x10000, 0x1FFFF))
_SPECIAL_CHARACTERS: Final = (
    "\u0130\u00df\u0301\u1e9b\u0323\u212b\u1112\u1161\u11ab\u0958\U0001d15e\U0001f3e8\u200d\u00a0\u2028\ufeff\"\\%_' "
)
_SPECIAL_SHARE: Final = 0.3
"""Of all characters."""
_MAX_LENGTH_SHARE: Final = 0.05
"""Of all texts."""
_HALF: Final = 0.5
_LIMIT_SHARE: Final = 0.25
"""Of all integers."""
_DAYS: Final = (MAX_DATE - MIN_DATE).days
_MAX_ID: Final = 2**63 - 1


class BodyGenerator:
    """Generates bodies with names and `external_id`s that are unique for each `number`."""

    def __init__(self, rng: Random, *, number: int) -> None:
        self._rng = rng
        self._number = number
        self._serial = 0

    def hotel(self) -> Body:
        return {
            "name": self._unique_text(200),
            "city": self._text(100),
            "country": self._text(100),
            "phone": self._unique_text(32),
        }

    def deal(self, hotel_id: int) -> Body:
        checkin, checkout = self._stay()
        return {
            "hotel_id": hotel_id,
            "external_id": self._external_id(),
            "room_type": self._text(100),
            "star_rating": self._rng.randint(1, 5),
            "price_per_night": self._price(),
            "original_price": self._price(),
            "discount_percent": self._integer(0, 100),
            "checkin_date": checkin,
            "checkout_date": checkout,
            "is_available": self._rng.random() < _HALF,
            "categories": sorted(self._unique_text(50) for _ in range(self._rng.choice([0, 1, 2, 3, 20]))),
        }

    def deal_patch(self, hotel_id: int) -> Body:
        """A random subset of a deal's fields, with both dates or neither."""
        deal = self.deal(hotel_id)
        names = {name for name in deal if self._rng.random() < _HALF}
        if names & {"checkin_date", "checkout_date"}:
            names |= {"checkin_date", "checkout_date"}
        return {name: value for name, value in deal.items() if name in names}

    def _text(self, max_length: int) -> str:
        """Valid text, sometimes of the maximum length."""
        while True:
            size = max_length if self._rng.random() < _MAX_LENGTH_SHARE else self._rng.randint(1, 12)
            text = "".join(self._character() for _ in range(size))
            if is_visible(text) and len(normalize(text)) <= max_length:
                return text

    def _unique_text(self, max_length: int) -> str:
        self._serial += 1
        prefix = f"{self._number}/{self._serial} "
        return prefix + self._text(max_length - len(prefix) - 1)

    def _character(self) -> str:
        while True:
            is_special = self._rng.random() < _SPECIAL_SHARE
            character = self._rng.choice(_SPECIAL_CHARACTERS) if is_special else self._any_character()
            if unicodedata.category(character) not in _EXCLUDED_CATEGORIES:
                return character

    def _any_character(self) -> str:
        return chr(self._rng.randint(*self._rng.choice(_PLANES)))

    def _integer(self, low: int, high: int) -> int:
        if self._rng.random() < _LIMIT_SHARE:
            return self._rng.choice((low, high))
        return self._rng.randint(low, high)

    def _price(self) -> Decimal:
        """With two, one or no decimal places: 5.00, 5.0 and 5 are the same amount."""
        price = Decimal(self._integer(1, 10 ** self._rng.randint(1, 10) - 1)).scaleb(-2)
        return price if self._rng.random() < _HALF else Decimal(f"{price.normalize():f}")

    def _external_id(self) -> int | None:
        """None, or small, or so large that a binary float would lose digits."""
        self._serial += 1
        base = self._number * 10**9 + self._serial
        return self._rng.choice([None, 10**7 + base, _MAX_ID - base])

    def _stay(self) -> tuple[date, date]:
        first = self._integer(0, _DAYS - 1)
        last = self._integer(first + 1, _DAYS)
        return MIN_DATE + timedelta(first), MIN_DATE + timedelta(last)
