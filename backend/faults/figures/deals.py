"""Hotels and deals by chance, over the whole range of every field, its bounds more often than not by chance alone."""

import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from tests.support.deal_bodies import MAX_DATE, MIN_DATE, normalize

Body = dict[str, Any]

_CONTROLS: Final = {"Cc", "Cs", "Cn"}
"""What text may not hold, and what Python's Unicode does not know yet, so that it can't compose it."""
_PLANES: Final = ((0x20, 0x7E), (0xA0, 0x2FFF), (0x3000, 0xFFFF), (0x10000, 0x1FFFF))
_TRICKY: Final = (
    "\u0130\u00df\u0301\u1e9b\u0323\u212b\u1112\u1161\u11ab\u0958\U0001d15e\U0001f3e8\u200d\u00a0\u2028\ufeff\"\\%_' "
)
_TRICKS: Final = 0.3
"""Of all characters."""
_LONGEST: Final = 0.05
"""Of all texts."""
_HALF: Final = 0.5
_DAYS: Final = (MAX_DATE - MIN_DATE).days
_GREATEST_KEY: Final = 2**63 - 1


class Maker:
    """Makes bodies; each name and each `external_id` is one that no other body of this maker has."""

    def __init__(self, chance: Random, *, number: int) -> None:
        self._chance = chance
        self._number = number
        self._made = 0

    def hotel(self) -> Body:
        return {"name": self._own(200), "city": self.text(100), "country": self.text(100), "phone": self._own(32)}

    def deal(self, hotel: int) -> Body:
        checkin, checkout = self._stay()
        return {
            "hotel_id": hotel,
            "external_id": self._external_id(),
            "room_type": self.text(100),
            "star_rating": self._chance.randint(1, 5),
            "price_per_night": self._price(),
            "original_price": self._price(),
            "discount_percent": self._near(0, 100),
            "checkin_date": checkin,
            "checkout_date": checkout,
            "is_available": self._chance.random() < _HALF,
            "categories": sorted(self._own(50) for _ in range(self._chance.choice([0, 1, 2, 3, 20]))),
        }

    def patch(self, hotel: int) -> Body:
        """Some of a deal's fields; of the dates both or none."""
        deal = self.deal(hotel)
        kept = {name for name in deal if self._chance.random() < _HALF}
        if kept & {"checkin_date", "checkout_date"}:
            kept |= {"checkin_date", "checkout_date"}
        return {name: value for name, value in deal.items() if name in kept}

    def text(self, longest: int) -> str:
        """Not empty and not too long once it is clean; now and then as long as may be."""
        while True:
            size = longest if self._chance.random() < _LONGEST else self._chance.randint(1, 12)
            text = "".join(self._character() for _ in range(size))
            if 1 <= len(normalize(text)) <= longest:
                return text

    def _own(self, longest: int) -> str:
        self._made += 1
        mark = f"{self._number}/{self._made} "
        return mark + self.text(longest - len(mark) - 1)

    def _character(self) -> str:
        while True:
            found = self._chance.choice(_TRICKY) if self._chance.random() < _TRICKS else self._any_character()
            if unicodedata.category(found) not in _CONTROLS:
                return found

    def _any_character(self) -> str:
        return chr(self._chance.randint(*self._chance.choice(_PLANES)))

    def _near(self, low: int, high: int) -> int:
        """Anything between, or one of the bounds."""
        pick: Callable[[], int] = self._chance.choice(
            [lambda: low, lambda: high, *[lambda: self._chance.randint(low, high)] * 6]
        )
        return pick()

    def _price(self) -> Decimal:
        """With two places, one or none: 5.00, 5.0 and 5 are the same amount."""
        price = Decimal(self._near(1, 10 ** self._chance.randint(1, 10) - 1)).scaleb(-2)
        return price if self._chance.random() < _HALF else Decimal(f"{price.normalize():f}")

    def _external_id(self) -> int | None:
        """Every second one far up, where a binary float would lose it."""
        self._made += 1
        base = self._number * 10**9 + self._made
        return self._chance.choice([None, 10**7 + base, _GREATEST_KEY - base])

    def _stay(self) -> tuple[date, date]:
        first = self._near(0, _DAYS - 1)
        last = self._near(first + 1, _DAYS)
        return MIN_DATE + timedelta(first), MIN_DATE + timedelta(last)
