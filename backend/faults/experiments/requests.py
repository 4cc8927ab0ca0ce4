"""Encoded requests: single ones that several experiments send, and a realistic mix of reads, writes and errors."""

from http import HTTPStatus
from random import Random
from typing import Final

from faults.experiments.sample_data import DEALS, HOTELS
from faults.http_client import Response, encode_request

NEW_DEAL: Final = {
    "hotel_id": 1,
    "room_type": "Suite",
    "star_rating": 5,
    "price_per_night": 129.99,
    "original_price": 185.7,
    "discount_percent": 30,
    "checkin_date": "2026-03-01",
    "checkout_date": "2026-03-04",
}

_ERRORS: Final = 0.05
_WRITES: Final = 0.1
_UPDATES: Final = 0.5
_DELETES: Final = 0.25
"""Shares of the writes; the rest are creations."""
_MAX_OWN_DEALS: Final = 5
"""A client with more deals of its own deletes one instead of creating another."""

_INVALID: Final = (
    encode_request("GET", "/nothing"),
    encode_request("GET", "/deals/999999999"),
    encode_request("GET", "/deals?limit=0"),
    encode_request("GET", "/deals?colour=red"),
    encode_request("PUT", "/deals"),
    encode_request("POST", "/deals", {**NEW_DEAL, "star_rating": 6}),
    encode_request("POST", "/deals", b'{"hotel_id":'),
    encode_request("PATCH", "/deals/1", {"price_per_night": 1, "version": 2_000_000_000}),
    encode_request("POST", "/deals", {**NEW_DEAL, "external_id": 1}),
)


def update_price(rng: Random, deal_id: int) -> bytes:
    """A PATCH with a random price."""
    return encode_request("PATCH", f"/deals/{deal_id}", {"price_per_night": rng.randint(1, 10**6) / 100})


def update_or_get(rng: Random, deal_id: int, *, writes: float, lists: tuple[str, str]) -> bytes:
    """A PATCH of the deal with probability `writes`, otherwise a GET of the deal or of one of the lists."""
    if rng.random() < writes:
        return update_price(rng, deal_id)
    return encode_request("GET", rng.choice([f"/deals/{deal_id}", *lists]))


def choose_own_deal(rng: Random, number: int, clients: int) -> int:
    """A random deal that no other client chooses."""
    return 1 + number + clients * rng.randrange(DEALS // clients)


class RequestMix:
    """The requests of one client. It deletes the deals that it creates."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._own_deals: list[int] = []

    def next_request(self) -> bytes:
        choice = self._rng.random()
        if choice < _ERRORS:
            return self._rng.choice(_INVALID)
        return self._write() if choice < _ERRORS + _WRITES else self._read()

    def handle_response(self, response: Response) -> None:
        """Remember a created deal."""
        if response.status == HTTPStatus.CREATED:
            self._own_deals.append(int(response.json()["id"]))

    def _write(self) -> bytes:
        choice = self._rng.random()
        if choice < _UPDATES:
            return update_price(self._rng, self._rng.randint(1, DEALS))
        if self._own_deals and (len(self._own_deals) > _MAX_OWN_DEALS or choice < _UPDATES + _DELETES):
            return encode_request("DELETE", f"/deals/{self._own_deals.pop()}")
        return encode_request("POST", "/deals", {**NEW_DEAL, "categories": ["luxury", "family"]})

    def _read(self) -> bytes:
        rng, limit = self._rng, self._rng.choice([1, 5, 20])
        targets = [
            *(f"/deals/{rng.randint(1, DEALS)}" for _ in range(3)),
            f"/deals?limit={limit}&skip={rng.randint(0, 100)}",
            f"/deals?limit={limit}&city=City%20{rng.randint(0, 16)}&sort=price_per_night",
            f"/deals?limit={limit}&category=luxury&min_stars={rng.randint(1, 5)}&count=none",
            f"/deals?limit={limit}&hotel_id={rng.randint(1, HOTELS)}",
            f"/hotels/{rng.randint(1, HOTELS)}",
            "/hotels?limit=5&sort=min_price",
            "/categories",
            "/deals/stats?min_stars=4",
            "/health",
        ]
        return encode_request("GET", rng.choice(targets))
