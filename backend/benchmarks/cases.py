"""What is asked of every contestant: the same calls in the same order."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, repeat
from random import Random
from typing import Final
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Call:
    """A request; the path has the query in it."""

    method: str
    path: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Material:
    """What the calls are about: deals with their versions, hotels and cities that are in the database."""

    deals: list[tuple[int, int]]
    hotels: list[int]
    cities: list[str]

    def share(self, number: int, *, of: int) -> "Material":
        """Deals that no other of the `of` shares has, so that nobody else raises their versions."""
        return Material(self.deals[number::of], self.hotels, self.cities)


def _list(_material: Material, _random: Random) -> Iterator[Call]:
    return repeat(Call("GET", "/deals"))


def _detail(material: Material, random: Random) -> Iterator[Call]:
    while True:
        deal, _version = random.choice(material.deals)
        yield Call("GET", f"/deals/{deal}")


def _filtered(material: Material, random: Random) -> Iterator[Call]:
    while True:
        lowest = random.randrange(60, 120, 5)
        filters = {
            "city": random.choice(material.cities),
            "min_stars": random.randint(3, 5),
            "price_min": lowest,
            "price_max": lowest + random.randrange(60, 120, 5),
        }
        yield Call("GET", f"/deals?{urlencode(filters)}")


def _stats(_material: Material, _random: Random) -> Iterator[Call]:
    return repeat(Call("GET", "/deals/stats"))


def _post(material: Material, random: Random) -> Iterator[Call]:
    while True:
        price = random.randrange(40, 200)
        deal = {
            "hotel_id": random.choice(material.hotels),
            "room_type": "Deluxe",
            "star_rating": random.randint(1, 5),
            "price_per_night": price + 0.25,
            "original_price": price + 50,
            "discount_percent": 20,
            "checkin_date": "2026-03-01",
            "checkout_date": "2026-03-04",
            "categories": ["luxury", "romantic"],
        }
        yield Call("POST", "/deals", json.dumps(deal).encode())


def _patch(material: Material, random: Random) -> Iterator[Call]:
    for walk in count():
        for deal, version in material.deals:
            change = {"price_per_night": random.randrange(40, 200) + 0.75, "version": version + walk}
            yield Call("PATCH", f"/deals/{deal}", json.dumps(change).encode())


CASES: Final[Mapping[str, Callable[[Material, Random], Iterator[Call]]]] = {
    "list": _list,
    "detail": _detail,
    "filtered": _filtered,
    "stats": _stats,
    "post": _post,
    "patch": _patch,
}
WRITES: Final = frozenset({"post", "patch"})


def calls(case: str, material: Material, *, seed: int) -> Iterator[Call]:
    """Calls of the case without end. Those of `patch` name the version that the one before has led to."""
    return CASES[case](material, Random(seed))  # noqa: S311  invented requests, not a secret
