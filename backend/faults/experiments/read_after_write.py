"""An acknowledged write is visible to the next read on another connection to another process."""

from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any, Final

import uvloop

from faults.environment import Environment
from faults.experiments.concurrency import Quota, run_clients
from faults.experiments.experiment import ExperimentResult, Options, Violations, expect_none
from faults.experiments.requests import NEW_DEAL
from faults.experiments.sample_data import HOTELS
from faults.http_client import Connection, Response, connect, encode_request

WRITES: Final = 20_000
CLIENTS: Final = 8

_MAX_PAGE_SIZE: Final = 100
_CREATIONS: Final = 0.4
"""Of all writes: more than deletions, so that there are always deals to update."""
_UPDATES: Final = 0.6
"""Of the other writes."""
_LISTS: Final = 0.25
"""Of the reads."""


@dataclass(slots=True)
class Client:
    """Writes deals in a hotel that no other client uses, so that it knows their state."""

    hotel_id: int
    rng: Random
    writer: Connection
    reader: Connection
    violations: Violations
    deals: dict[int, dict[str, Any]] = field(default_factory=dict)
    tokens: int = 0

    async def step(self) -> None:
        """One write, and immediately a read of it."""
        self.writer, self.reader = self.reader, self.writer  # the processes take turns in writing and reading
        if not self.deals or (len(self.deals) < _MAX_PAGE_SIZE and self.rng.random() < _CREATIONS):
            await self._create()
        elif self.rng.random() < _UPDATES:
            await self._update(self.rng.choice(list(self.deals)))
        else:
            await self._delete(self.rng.choice(list(self.deals)))

    async def _create(self) -> None:
        body = {**NEW_DEAL, **self._new_values(), "hotel_id": self.hotel_id}
        response = await self.writer.send(encode_request("POST", "/deals", body))
        if self._has_status(response, "POST", HTTPStatus.CREATED):
            deal = response.json()
            self.deals[deal["id"]] = deal
            await self._verify(deal["id"], "POST")

    async def _update(self, deal_id: int) -> None:
        response = await self.writer.send(encode_request("PATCH", f"/deals/{deal_id}", self._new_values()))
        if self._has_status(response, "PATCH", HTTPStatus.OK):
            self.deals[deal_id] = response.json()
            await self._verify(deal_id, "PATCH")

    async def _delete(self, deal_id: int) -> None:
        response = await self.writer.send(encode_request("DELETE", f"/deals/{deal_id}"))
        if self._has_status(response, "DELETE", HTTPStatus.NO_CONTENT):
            del self.deals[deal_id]
            await self._verify(deal_id, "DELETE")

    async def _verify(self, deal_id: int, method: str) -> None:
        """Read the deal, sometimes as part of the hotel's list, and compare it with the response to the write."""
        expected = self.deals.get(deal_id)
        if self.rng.random() < _LISTS:
            target = f"/deals?hotel_id={self.hotel_id}&limit={_MAX_PAGE_SIZE}&sort=-id"
            response = await self.reader.send(encode_request("GET", target))
            items = response.json()["items"] if response.is_success else []
            deals = {deal["id"]: deal for deal in items}
            is_visible = response.is_success and _without_hotel(deals.get(deal_id)) == _without_hotel(expected)
        else:
            response = await self.reader.send(encode_request("GET", f"/deals/{deal_id}"))
            is_visible = _is_visible(response, expected)
        if not is_visible:
            self.violations.record(f"{method} of deal {deal_id} was acknowledged; the next read returned {response}")

    def _new_values(self) -> dict[str, Any]:
        self.tokens += 1
        return {
            "room_type": f"token {self.hotel_id}-{self.tokens}",
            "price_per_night": self.rng.randint(1, 10**7) / 100,
        }

    def _has_status(self, response: Response, method: str, expected: HTTPStatus) -> bool:
        if response.status != expected:
            self.violations.record(f"{method} returned another status than {expected}: {response}")
        return response.status == expected


def _is_visible(response: Response, expected: dict[str, Any] | None) -> bool:
    if expected is None:
        return response.status == HTTPStatus.NOT_FOUND
    return response.is_success and _without_hotel(response.json()) == _without_hotel(expected)


def _without_hotel(deal: dict[str, Any] | None) -> dict[str, Any] | None:
    """The hotel's average rating depends on other deals."""
    return None if deal is None else {name: value for name, value in deal.items() if name != "hotel"}


def run(options: Options) -> ExperimentResult:
    """POST, PATCH and DELETE in turn, each followed by a read from the other of two processes."""
    with options.start(workers=2) as environment:
        return measure(options, environment)


def measure(options: Options, environment: Environment) -> ExperimentResult:
    violations, size = Violations(), options.scaled(WRITES)
    uvloop.run(_run_clients(options, size, environment.ports, violations))
    criterion = expect_none("acknowledged writes not visible to an immediate read", violations, n=size)
    return ExperimentResult(size, [criterion])


async def _run_clients(options: Options, size: int, ports: list[int], violations: Violations) -> None:
    quota = Quota(size)

    async def run_client(number: int) -> None:
        async with connect(ports[number % 2]) as writer, connect(ports[(number + 1) % 2]) as reader:
            client = Client(HOTELS - number, options.rng(number), writer, reader, violations)
            while quota.take():
                await client.step()

    await run_clients(CLIENTS, run_client)
