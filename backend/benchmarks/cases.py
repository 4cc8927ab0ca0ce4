"""The requests of each case: the same sequence for every target."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, repeat
from random import Random
from typing import Final
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request; the path includes the query string."""

    method: str
    path: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class RequestData:
    """Existing rows that the requests refer to."""

    deals: list[tuple[int, int]]
    """Id and current version."""
    hotels: list[int]
    cities: list[str]

    def partition(self, index: int, *, count: int) -> "RequestData":
        """One of `count` disjoint sets of deals, so that concurrent clients do not update the same versions."""
        return RequestData(self.deals[index::count], self.hotels, self.cities)


def _list(_data: RequestData, _random: Random) -> Iterator[ApiRequest]:
    return repeat(ApiRequest("GET", "/deals"))


def _detail(data: RequestData, random: Random) -> Iterator[ApiRequest]:
    while True:
        deal_id, _version = random.choice(data.deals)
        yield ApiRequest("GET", f"/deals/{deal_id}")


def _filtered(data: RequestData, random: Random) -> Iterator[ApiRequest]:
    while True:
        price_min = random.randrange(60, 120, 5)
        filters = {
            "city": random.choice(data.cities),
            "min_stars": random.randint(3, 5),
            "price_min": price_min,
            "price_max": price_min + random.randrange(60, 120, 5),
        }
        yield ApiRequest("GET", f"/deals?{urlencode(filters)}")


def _stats(_data: RequestData, _random: Random) -> Iterator[ApiRequest]:
    return repeat(ApiRequest("GET", "/deals/stats"))


def _post(data: RequestData, random: Random) -> Iterator[ApiRequest]:
    while True:
        price = random.randrange(40, 200)
        deal = {
            "hotel_id": random.choice(data.hotels),
            "room_type": "Deluxe",
            "star_rating": random.randint(1, 5),
            "price_per_night": price + 0.25,
            "original_price": price + 50,
            "discount_percent": 20,
            "checkin_date": "2026-03-01",
            "checkout_date": "2026-03-04",
            "categories": ["luxury", "romantic"],
        }
        yield ApiRequest("POST", "/deals", json.dumps(deal).encode())


def _patch(data: RequestData, random: Random) -> Iterator[ApiRequest]:
    for completed_passes in count():
        for deal_id, version in data.deals:
            change = {"price_per_night": random.randrange(40, 200) + 0.75, "version": version + completed_passes}
            yield ApiRequest("PATCH", f"/deals/{deal_id}", json.dumps(change).encode())


CASES: Final[Mapping[str, Callable[[RequestData, Random], Iterator[ApiRequest]]]] = {
    "list": _list,
    "detail": _detail,
    "filtered": _filtered,
    "stats": _stats,
    "post": _post,
    "patch": _patch,
}
WRITES: Final = frozenset({"post", "patch"})


def generate_requests(case: str, data: RequestData, *, seed: int) -> Iterator[ApiRequest]:
    """An endless sequence. Each `patch` names the version that the previous update of that deal produced."""
    return CASES[case](data, Random(seed))  # noqa: S311  test data, not a secret
