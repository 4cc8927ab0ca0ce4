"""Requests as clients send them: reads, writes, errors, and now and then a client that does not wait."""

from http import HTTPStatus
from random import Random
from typing import Final

from faults.figures.catalogue import DEALS, HOTELS, NEW_DEAL
from faults.figures.wire import Answer, encode

HANG_UPS: Final = 0.01
_ERRORS: Final = 0.05
_WRITES: Final = 0.1
_CHANGES: Final = 0.5
_REMOVALS: Final = 0.25
"""Of the writes; the others make deals."""
_KEPT: Final = 5
"""Deals of its own above which a client removes one instead of making another."""

_WRONG: Final = (
    encode("GET", "/nothing"),
    encode("GET", "/deals/999999999"),
    encode("GET", "/deals?limit=0"),
    encode("GET", "/deals?colour=red"),
    encode("PUT", "/deals"),
    encode("POST", "/deals", {**NEW_DEAL, "star_rating": 6}),
    encode("POST", "/deals", b'{"hotel_id":'),
    encode("PATCH", "/deals/1", {"price_per_night": 1, "version": 2_000_000_000}),
    encode("POST", "/deals", {**NEW_DEAL, "external_id": 1}),
)


class Mixture:
    """One client's requests. The deals that it makes it removes again."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._own: list[int] = []

    def request(self) -> bytes:
        """The next one."""
        dice = self._chance.random()
        if dice < _ERRORS:
            return self._chance.choice(_WRONG)
        return self._write() if dice < _ERRORS + _WRITES else self._read()

    def note(self, answer: Answer) -> None:
        """Learn of a deal that was made."""
        if answer.status == HTTPStatus.CREATED:
            self._own.append(int(answer.json()["id"]))

    def _write(self) -> bytes:
        dice = self._chance.random()
        if dice < _CHANGES:
            price = self._chance.randint(1, 10**6) / 100
            return encode("PATCH", f"/deals/{self._chance.randint(1, DEALS)}", {"price_per_night": price})
        if self._own and (len(self._own) > _KEPT or dice < _CHANGES + _REMOVALS):
            return encode("DELETE", f"/deals/{self._own.pop()}")
        return encode("POST", "/deals", {**NEW_DEAL, "categories": ["luxury", "family"]})

    def _read(self) -> bytes:
        chance, limit = self._chance, self._chance.choice([1, 5, 20])
        return encode(
            "GET",
            chance.choice(
                [
                    f"/deals/{chance.randint(1, DEALS)}",
                    f"/deals/{chance.randint(1, DEALS)}",
                    f"/deals/{chance.randint(1, DEALS)}",
                    f"/deals?limit={limit}&skip={chance.randint(0, 100)}",
                    f"/deals?limit={limit}&city=City%20{chance.randint(0, 16)}&sort=price_per_night",
                    f"/deals?limit={limit}&category=luxury&min_stars={chance.randint(1, 5)}&count=none",
                    f"/deals?limit={limit}&hotel_id={chance.randint(1, HOTELS)}",
                    f"/hotels/{chance.randint(1, HOTELS)}",
                    "/hotels?limit=5&sort=min_price",
                    "/categories",
                    "/deals/stats?min_stars=4",
                    "/health",
                ]
            ),
        )
