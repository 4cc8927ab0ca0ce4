"""Two instances restart in turn, and no request fails."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

import uvloop

from faults.environment import Environment
from faults.experiments.experiment import ExperimentResult, Options, Violations, expect_none
from faults.experiments.requests import choose_own_deal, update_or_get
from faults.http_client import Connection, ConnectionLostError, Response
from faults.processes import wait_until
from faults.workers import Worker

RESTARTS: Final = 20
CLIENTS: Final = 16

_RESTART_TIMEOUT_SECONDS: Final = 60.0
_LARGE_POOL: Final = {"APP_DATABASE_POOL_MAX_OVERFLOW": "10"}
"""One instance must serve all clients."""
_PAUSE_SECONDS: Final = 0.01
"""Between the requests of a client; leaves the new process enough CPU time to start."""
_WRITES: Final = 0.2
_LISTS: Final = ("/deals?limit=20", "/hotels?limit=5")


@dataclass(slots=True)
class Measurements:
    failures: Violations = field(default_factory=Violations)
    outages: Violations = field(default_factory=Violations)
    statuses: "Counter[int]" = field(default_factory=Counter)

    def record(self, response: Response) -> None:
        self.statuses[response.status] += 1
        if not response.is_success:
            self.failures.record(f"{response}")


@dataclass(slots=True)
class Client:
    """Uses one connection until the server closes it, then connects to any instance that accepts connections."""

    number: int
    ports: list[int]
    rng: Random
    seen: Measurements
    connection: Connection | None = None

    async def step(self) -> None:
        if self.connection is None or self.connection.is_lost:
            self.connection = await self._connect()
        deal_id = choose_own_deal(self.rng, self.number, CLIENTS)
        try:
            response = await self.connection.send(update_or_get(self.rng, deal_id, writes=_WRITES, lists=_LISTS))
        except (ConnectionLostError, TimeoutError) as error:
            self.seen.failures.record(f"a request got no response: {error}")
            self.connection = None
            return
        self.seen.record(response)
        if response.closes_connection:
            self.connection.close()
            self.connection = None

    async def _connect(self) -> Connection:
        while True:
            self.rng.shuffle(self.ports)
            for port in self.ports:
                try:
                    return await Connection.open(port)
                except OSError:
                    continue
            self.seen.outages.record("no instance accepts a connection")
            await asyncio.sleep(_PAUSE_SECONDS)


def run(options: Options) -> ExperimentResult:
    """SIGTERM each of two instances in turn and wait until it is back, while clients send requests."""
    seen, count = Measurements(), options.scaled(RESTARTS, minimum=2)
    with options.start(workers=2, settings=_LARGE_POOL) as environment:
        uvloop.run(_run_clients(options, environment, count, seen))
    n = seen.statuses.total()
    criteria = [
        expect_none("failed requests", seen.failures, n=n),
        expect_none("times without any instance", seen.outages, n=n),
    ]
    return ExperimentResult(n, criteria, f"{count} rolling restarts", seen.statuses)


async def _run_clients(options: Options, environment: Environment, count: int, seen: Measurements) -> None:
    finished = asyncio.Event()

    async def run_client(number: int) -> None:
        client = Client(number, list(environment.ports), options.rng(number), seen)
        while not finished.is_set():
            await client.step()
            await asyncio.sleep(_PAUSE_SECONDS)
        if client.connection is not None:
            client.connection.close()

    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(run_client(number))
        try:
            for number in range(count):
                await asyncio.to_thread(_restart, environment.workers[number % len(environment.workers)])
        finally:
            finished.set()


def _restart(worker: Worker) -> None:
    previous = worker.pid
    worker.terminate()
    if not wait_until(lambda: worker.pid != previous and worker.responds(), seconds=_RESTART_TIMEOUT_SECONDS):
        raise TimeoutError(f"A worker does not restart; its log is {worker.log}.")
