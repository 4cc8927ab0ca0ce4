"""The memory of a worker does not grow with the number of requests it has served."""

import asyncio
from collections import Counter
from http import HTTPStatus
from statistics import median
from typing import Final

import uvloop

from faults.environment import Environment
from faults.experiments.concurrency import Quota, run_clients
from faults.experiments.experiment import (
    Criterion,
    ExperimentResult,
    Options,
    Violations,
    expect_none,
)
from faults.experiments.requests import RequestMix
from faults.http_client import Connection, connect
from faults.processes import get_resident_bytes

REQUESTS: Final = 300_000
WARM_UP: Final = 30_000
CLIENTS: Final = 16
MAX_GROWTH_PERCENT: Final = 3.0

_DISCONNECTS: Final = 0.01
_SAMPLES: Final = 5
_SETTLE_SECONDS: Final = 0.2
_MEGABYTE: Final = 2**20


class Load:
    """Clients that send a mix of requests, and sometimes disconnect without reading the response."""

    def __init__(self, options: Options, port: int) -> None:
        self._port = port
        self._rngs = [options.rng(number) for number in range(CLIENTS)]
        self._mixes = [RequestMix(rng) for rng in self._rngs]
        self.statuses: Counter[int] = Counter()
        self.disconnects = 0
        self.server_errors = Violations()

    async def send(self, size: int) -> None:
        """Send `size` requests, distributed over all clients."""
        quota = Quota(size)

        async def run_client(number: int) -> None:
            async with connect(self._port) as connection:
                while quota.take():
                    await self._step(number, connection)

        await run_clients(CLIENTS, run_client)

    async def _step(self, number: int, connection: Connection) -> None:
        mix = self._mixes[number]
        if self._rngs[number].random() < _DISCONNECTS:
            self.disconnects += 1
            async with connect(self._port) as impatient:
                impatient.send_only(mix.next_request())
            return
        response = await connection.send(mix.next_request())
        self.statuses[response.status] += 1
        mix.handle_response(response)
        if response.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.server_errors.record(str(response))


def run(options: Options) -> ExperimentResult:
    """Compare the resident memory of one worker after a warm-up and after many more requests."""
    size, warm_up = options.scaled(REQUESTS), options.scaled(WARM_UP)
    with options.start() as environment:
        load = Load(options, environment.port)
        before, after = uvloop.run(_measure(load, environment, warm_up, size))
    growth = 100 * (after - before) / before
    measured = f"RSS {before / _MEGABYTE:.1f} → {after / _MEGABYTE:.1f} MB ({growth:+.2f} %)"
    criteria = [
        Criterion(measured, f"< +{MAX_GROWTH_PERCENT:g} %", is_met=growth < MAX_GROWTH_PERCENT),
        expect_none("status 500", load.server_errors, n=load.statuses.total()),
    ]
    errors = sum(count for status, count in load.statuses.items() if status >= HTTPStatus.BAD_REQUEST)
    faults = f"{load.disconnects:,} disconnects, {errors:,} errors"
    return ExperimentResult(size, criteria, faults, load.statuses)


async def _measure(load: Load, environment: Environment, warm_up: int, size: int) -> tuple[float, float]:
    await load.send(warm_up)
    before = await _measure_memory(environment)
    await load.send(size)
    return before, await _measure_memory(environment)


async def _measure_memory(environment: Environment) -> float:
    """The median of several samples of the first worker, once it is idle."""
    samples = []
    for _ in range(_SAMPLES):
        await asyncio.sleep(_SETTLE_SECONDS)
        samples.append(get_resident_bytes(environment.workers[0].pid or 0))
    return median(samples)
