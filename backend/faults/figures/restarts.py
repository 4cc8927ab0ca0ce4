"""Instances are told to stop and come back, one after the other: no request that was sent fails."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

from faults.figures.catalogue import DEALS
from faults.figures.crowd import run
from faults.figures.figure import Figure, Findings, counted, none_of
from faults.figures.plan import Plan
from faults.figures.stage import Stage, stage
from faults.figures.wire import Answer, Connection, CutError, encode
from faults.processes import wait_until
from faults.worker import Worker

RESTARTS: Final = 20
CLIENTS: Final = 16

_BACK_SECONDS: Final = 60.0
_USUAL_POOL: Final = {"APP_DATABASE_POOL_MAX_OVERFLOW": "10"}
"""One instance must do for all clients: a pool that is full is what `pool` is about."""
_PAUSE: Final = 0.01
"""Between the requests of a client: the new process needs some of the machine to start."""
_WRITES: Final = 0.2
"""Of all requests."""


@dataclass(slots=True)
class Seen:
    """What came back."""

    failed: Findings = field(default_factory=Findings)
    away: Findings = field(default_factory=Findings)
    statuses: "Counter[int]" = field(default_factory=Counter)
    refused: int = 0
    """Connections that an instance did not take; the client then went to the other one."""

    def note(self, answer: Answer) -> None:
        self.statuses[answer.status] += 1
        if not answer.is_success:
            self.failed.note(f"{answer}")


@dataclass(slots=True)
class Client:
    """Keeps its connection until it is told that it ends, or sees that it has ended; then goes to whoever is there."""

    number: int
    ports: list[int]
    chance: Random
    seen: Seen
    connection: Connection | None = None

    async def step(self) -> None:
        if self.connection is None or self.connection.is_connection_lost:
            self.connection = await self._connected()
        try:
            answer = await self.connection.ask(self._request())
        except (CutError, TimeoutError) as error:
            self.seen.failed.note(f"a request that was sent got no answer: {error}")
            self.connection = None
            return
        self.seen.note(answer)
        if answer.closes:
            self.connection.close()
            self.connection = None

    async def _connected(self) -> Connection:
        self.chance.shuffle(self.ports)
        for port in self.ports:
            try:
                return await Connection.open(port)
            except OSError:
                self.seen.refused += 1
        self.seen.away.note("no instance takes a connection")
        await asyncio.sleep(_PAUSE)
        return await self._connected()

    def _request(self) -> bytes:
        key = 1 + self.number + CLIENTS * self.chance.randrange(DEALS // CLIENTS)  # nobody else writes to it
        if self.chance.random() < _WRITES:
            return encode("PATCH", f"/deals/{key}", {"price_per_night": self.chance.randint(1, 10**6) / 100})
        return encode("GET", self.chance.choice([f"/deals/{key}", "/deals?limit=20", "/hotels?limit=5"]))


def restarts(plan: Plan) -> Figure:
    """SIGTERM to one of two instances, until it is back, then to the other; their clients go on all the time."""
    seen, count = Seen(), plan.of(RESTARTS, least=2)
    with stage(plan, workers=2, environment=_USUAL_POOL) as there:
        run(_play(plan, there, count, seen))
    n = seen.statuses.total()
    goals = [
        none_of("failed requests", seen.failed, n=n),
        none_of("times that no instance was there", seen.away, n=n),
    ]
    examples = [*seen.failed.examples, *seen.away.examples, counted(seen.statuses)]
    return Figure("restarts", n, plan.seed, goals, f"{count} rolling restarts", examples)


async def _play(plan: Plan, there: Stage, count: int, seen: Seen) -> None:
    over = asyncio.Event()

    async def play(number: int) -> None:
        client = Client(number, list(there.ports), plan.chance(number), seen)
        while not over.is_set():
            await client.step()
            await asyncio.sleep(_PAUSE)
        if client.connection is not None:
            client.connection.close()

    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(play(number))
        try:
            for number in range(count):
                await asyncio.to_thread(_restart, there.workers[number % len(there.workers)])
        finally:
            over.set()


def _restart(worker: Worker) -> None:
    before = worker.pid
    worker.terminate()
    if not wait_until(lambda: worker.pid != before and worker.answers(), seconds=_BACK_SECONDS):
        raise TimeoutError(f"A worker does not come back; {worker.log} has what it says.")
