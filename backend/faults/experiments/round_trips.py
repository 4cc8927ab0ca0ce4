"""Every value that is written is read back exactly as it was sent."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import uvloop

from faults.environment import Environment
from faults.experiments.concurrency import run_clients
from faults.experiments.experiment import ExperimentResult, Options, Violations, expect_none
from faults.experiments.random_bodies import Body, BodyGenerator
from faults.http_client import Connection, Response, connect, encode_request
from tests.support.deal_bodies import normalize
from tests.support.decimal_json import to_json

VALUES: Final = 100_000
CLIENTS: Final = 8

_DEALS_PER_HOTEL: Final = 20


@dataclass(slots=True)
class Comparison:
    """The number of compared values, and those that differ."""

    size: int
    differences: Violations = field(default_factory=Violations)
    values: int = 0

    @property
    def is_complete(self) -> bool:
        return self.values >= self.size


class Client:
    """Creates hotels and deals, updates deals, and reads each on another connection."""

    def __init__(self, bodies: BodyGenerator, comparison: Comparison, writer: Connection, reader: Connection) -> None:
        self._bodies = bodies
        self._comparison = comparison
        self._writer = writer
        self._reader = reader

    async def run(self) -> None:
        while not self._comparison.is_complete:
            hotel_id = await self._write("POST", "/hotels", self._bodies.hotel())
            for _ in range(_DEALS_PER_HOTEL if hotel_id else 0):
                if not self._comparison.is_complete:
                    await self._write_deal(hotel_id)

    async def _write_deal(self, hotel_id: int) -> None:
        body = self._bodies.deal(hotel_id)
        if deal_id := await self._write("POST", "/deals", body):
            await self._write("PATCH", f"/deals/{deal_id}", self._bodies.deal_patch(hotel_id), previous=body)

    async def _write(self, method: str, path: str, body: Body, *, previous: Body | None = None) -> int:
        """Write, read, and compare all values; return the id, or 0 if the write fails."""
        response = await self._writer.send(encode_request(method, path, to_json(body)))
        if not response.is_success:
            self._comparison.differences.record(f"{method} {path} of {body} failed: {response}")
            return 0
        key = int(response.json()["id"])
        read = await self._reader.send(encode_request("GET", f"/{path.split('/')[1]}/{key}"))
        self._compare({**(previous or {}), **body}, response, read)
        self._comparison.values += len(body) + max(0, len(body.get("categories", [])) - 1)
        return key

    def _compare(self, expected: Body, *responses: Response) -> None:
        for response in responses:
            returned = response.json() if response.is_success else {}
            for name, value in expected.items():
                if (actual := _get_field(returned, name)) != _to_stored(value):
                    self._comparison.differences.record(f"{name} was {value!r} and is {actual!r}")


def _get_field(resource: Body, name: str) -> Any:  # noqa: ANN401  any JSON
    if name == "categories":
        return sorted(resource.get(name, []))
    return resource.get("hotel", {}).get("id") if name == "hotel_id" else resource.get(name)


def _to_stored(value: object) -> object:
    """The JSON of a value after the service's normalization."""
    if isinstance(value, str):
        return normalize(value)
    if isinstance(value, date):
        return value.isoformat()
    return sorted(normalize(name) for name in value) if isinstance(value, list) else value


def run(options: Options) -> ExperimentResult:
    """Create, update and read hotels and deals over the whole range of every field."""
    with options.start(workers=2) as environment:
        return measure(options, environment)


def measure(options: Options, environment: Environment) -> ExperimentResult:
    comparison = Comparison(options.scaled(VALUES))
    uvloop.run(_run_clients(options, environment.ports, comparison))
    criterion = expect_none("values that differ", comparison.differences, n=comparison.values)
    return ExperimentResult(comparison.values, [criterion])


async def _run_clients(options: Options, ports: list[int], comparison: Comparison) -> None:
    async def run_client(number: int) -> None:
        bodies = BodyGenerator(options.rng(number), number=number)
        async with connect(ports[number % 2]) as writer, connect(ports[(number + 1) % 2]) as reader:
            await Client(bodies, comparison, writer, reader).run()

    await run_clients(CLIENTS, run_client)
