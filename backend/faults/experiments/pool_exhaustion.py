"""With all connections in use, requests are rejected in time, and those that need no database are served."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

import uvloop

from faults.database import LOCK_DEALS, count_lock_waits, hold_lock
from faults.environment import Environment
from faults.experiments.experiment import (
    ExperimentResult,
    Options,
    Violations,
    expect_at_most,
    expect_none,
    get_percentile,
)
from faults.experiments.requests import NEW_DEAL
from faults.http_client import Connection, Response, connect, encode_request
from faults.processes import wait_until
from faults.workers import MAX_CONNECTIONS

CLIENTS: Final = 100
ROUNDS: Final = 20
MAX_P99_SECONDS: Final = 1.0

_LONG_TIMEOUTS: Final = {
    "APP_DATABASE_LOCK_TIMEOUT": "300",
    "APP_DATABASE_STATEMENT_TIMEOUT": "300",
    "APP_REQUEST_TIMEOUT": "300",
}
"""A request that waits for a lock keeps its connection; `unresponsive-database` covers the default timeouts."""
_WITH_DATABASE: Final = (
    encode_request("GET", "/deals?limit=5"),
    encode_request("GET", "/deals/1"),
    encode_request("GET", "/deals/stats"),
    encode_request("POST", "/deals", NEW_DEAL),
    encode_request("PATCH", "/deals/1", {"price_per_night": 99.5}),
    encode_request("DELETE", "/deals/2"),
    encode_request("GET", "/hotels/1"),
    encode_request("GET", "/categories"),
)
_OCCUPYING: Final = (encode_request("GET", "/deals/1"), encode_request("PATCH", "/deals/1", {"star_rating": 5}))
"""A read and a write: each uses a connection of its own pool."""
_WITHOUT_DATABASE: Final = (
    (encode_request("GET", "/nothing"), 404),
    (encode_request("PUT", "/deals"), 405),
    (encode_request("GET", "/deals?limit=0"), 422),
    (encode_request("POST", "/deals", {}), 422),
    (encode_request("GET", "/health"), 200),
)
_LOCK_WAIT_TIMEOUT_SECONDS: Final = 30.0


@dataclass(slots=True)
class Measurements:
    not_rejected: Violations = field(default_factory=Violations)
    wrong_statuses: Violations = field(default_factory=Violations)
    seconds: list[float] = field(default_factory=list)
    seconds_without_database: list[float] = field(default_factory=list)
    statuses: "Counter[int]" = field(default_factory=Counter)

    def record_rejection(self, response: Response) -> None:
        self.statuses[response.status] += 1
        self.seconds.append(response.seconds)
        if not response.is_unavailable:
            self.not_rejected.record(f"not a 503 with Retry-After: {response}")

    def record_without_database(self, response: Response, expected: int) -> None:
        self.seconds_without_database.append(response.seconds)
        if response.status != expected:
            self.wrong_statuses.record(f"expected {expected} without a connection: {response}")


def run(options: Options) -> ExperimentResult:
    """Requests that wait for a lock occupy both pools, while 100 clients send requests at once, several times."""
    seen = Measurements()
    with options.start(settings=_LONG_TIMEOUTS) as environment:
        uvloop.run(_run_clients(options, environment, seen))
    criteria = [
        expect_none("responses other than 503 with Retry-After", seen.not_rejected, n=len(seen.seconds)),
        expect_at_most("p99", get_percentile(seen.seconds, 0.99), MAX_P99_SECONDS),
        expect_none("wrong responses without database", seen.wrong_statuses, n=len(seen.seconds_without_database)),
        expect_at_most("their p99", get_percentile(seen.seconds_without_database, 0.99), MAX_P99_SECONDS),
    ]
    return ExperimentResult(len(seen.seconds), criteria, f"{MAX_CONNECTIONS} connections in use", seen.statuses)


async def _run_clients(options: Options, environment: Environment, seen: Measurements) -> None:
    url, port = environment.database_url, environment.port
    occupying = [await Connection.open(port) for _ in range(MAX_CONNECTIONS)]
    with hold_lock(url, LOCK_DEALS):
        for connection, request in zip(occupying, cycle(_OCCUPYING), strict=False):
            connection.send_only(request)
        await asyncio.to_thread(
            wait_until, lambda: count_lock_waits(url) == MAX_CONNECTIONS, seconds=_LOCK_WAIT_TIMEOUT_SECONDS
        )
        clients = [await Connection.open(port) for _ in range(CLIENTS)]
        for number in range(options.scaled(ROUNDS)):
            await asyncio.gather(*(_send(client, place + number, seen) for place, client in enumerate(clients)))
            await _send_without_database(port, seen)
    for connection in (*clients, *occupying):
        connection.close()


async def _send(client: Connection, number: int, seen: Measurements) -> None:
    seen.record_rejection(await client.send(_WITH_DATABASE[number % len(_WITH_DATABASE)]))


async def _send_without_database(port: int, seen: Measurements) -> None:
    async with connect(port) as client:
        for request, expected in _WITHOUT_DATABASE:
            seen.record_without_database(await client.send(request), expected)
