"""Every invalid value of every field is rejected without a 500, on a connection that stays open."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Final

import uvloop

from faults.environment import Environment
from faults.experiments.concurrency import run_clients
from faults.experiments.experiment import ExperimentResult, Options, Violations, expect_none
from faults.http_client import Connection, ConnectionLostError, Response, encode_request
from tests.support import invalid_values
from tests.support.invalid_parameters import CURSOR, ENCODINGS, INVALID_IDS, QUERIES
from tests.support.invalid_requests import MALFORMED, MEDIA_TYPES, UNKNOWN_PARAMETERS, UNKNOWN_PATHS, WRITES

CLIENTS: Final = 4

_VALID_REQUEST: Final = encode_request("GET", "/health")


def list_cases() -> Iterator[tuple[str, bytes]]:
    """A description and the encoded request of every case."""
    yield from _list_bodies()
    yield from _list_queries()
    for method in ("GET", "PATCH", "DELETE"):
        for noun in ("deal", "hotel"):
            for description, value in INVALID_IDS.items():
                yield f"{method} /{noun}s/…: {description}", encode_request(method, f"/{noun}s/{value}", b"{}")
    for path in UNKNOWN_PATHS:
        yield f"GET {path[:40]}", encode_request("GET", path)


def _list_bodies() -> Iterator[tuple[str, bytes]]:
    for write in WRITES:
        method, target = write.method, write.target
        endpoint = f"{method} {target}"
        for name, values in write.invalid.items():
            for description, value in {**values, **invalid_values.NOT_JSON}.items():
                yield f"{endpoint} {name}: {description}", encode_request(method, target, write.body(name, value))
        for name in write.unknown:
            yield f"{endpoint} {name[:20]!a}", encode_request(method, target, write.body(name, '"7e57"'))
        for description, body in MALFORMED.items():
            yield f"{endpoint}: {description}", encode_request(method, target, body)
        for media_type in MEDIA_TYPES:
            headers = {"content-type": media_type}
            yield f"{endpoint} as {media_type[:20]}", encode_request(method, target, b'{"name": "Crown"}', headers)


def _list_queries() -> Iterator[tuple[str, bytes]]:
    for (method, path), parameters in QUERIES.items():
        endpoint = f"{method} {path}"
        for name, values in parameters.items():
            for description, value in {**values, **ENCODINGS}.items():
                yield f"{endpoint} {name}: {description}", encode_request(method, f"{path}?{name}={value}")
        for name in UNKNOWN_PARAMETERS:
            yield f"{endpoint} {name[:20]}", encode_request(method, f"{path}?{name}=7e57")
    for description, value in CURSOR.items():
        yield f"GET /deals cursor: {description}", encode_request("GET", f"/deals?cursor={value}")


@dataclass(slots=True)
class Measurements:
    n: int = 0
    server_errors: Violations = field(default_factory=Violations)
    accepted: Violations = field(default_factory=Violations)
    closed: Violations = field(default_factory=Violations)
    statuses: "Counter[int]" = field(default_factory=Counter)

    def record(self, description: str, response: Response) -> None:
        self.statuses[response.status] += 1
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.server_errors.record(f"{description}: {response}")
        elif response.status < HTTPStatus.BAD_REQUEST:
            self.accepted.record(f"{description}: {response}")
        if response.closes_connection:
            self.closed.record(f"{description}: closed after {response}")


def run(options: Options) -> ExperimentResult:
    """Send each case on a keep-alive connection, followed by a valid request."""
    with options.start() as environment:
        return measure(options, environment)


def measure(options: Options, environment: Environment) -> ExperimentResult:
    seen = Measurements()
    uvloop.run(_run_clients(environment.port, _sample_cases(options), seen))
    criteria = [
        expect_none("server errors", seen.server_errors, n=seen.n),
        expect_none("accepted", seen.accepted, n=seen.n),
        expect_none("connections closed", seen.closed, n=seen.n),
    ]
    return ExperimentResult(seen.n, criteria, f"{seen.n:,} invalid inputs", seen.statuses)


def _sample_cases(options: Options) -> list[tuple[str, bytes]]:
    """A random sample, in random order."""
    cases = list(list_cases())
    return Random(options.seed).sample(cases, min(len(cases), options.scaled(len(cases))))


async def _run_clients(port: int, cases: list[tuple[str, bytes]], seen: Measurements) -> None:
    remaining = iter(cases)

    async def run_client(_: int) -> None:
        connection = await Connection.open(port)
        for description, request in remaining:
            seen.n += 1
            try:
                seen.record(description, await connection.send(request))
                await connection.send(_VALID_REQUEST)
            except (ConnectionLostError, TimeoutError) as error:
                seen.closed.record(f"{description}: {error}")
                connection = await Connection.open(port)
        connection.close()

    await run_clients(CLIENTS, run_client)
