"""While PostgreSQL does not respond, no client waits for long; afterwards the service recovers immediately."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

import uvloop

from faults.database import list_busy_sessions, list_sessions
from faults.environment import Environment
from faults.experiments.experiment import (
    ExperimentResult,
    Options,
    Violations,
    expect_at_most,
    expect_none,
)
from faults.experiments.requests import choose_own_deal, update_or_get
from faults.http_client import Connection, ConnectionLostError, Response
from faults.processes import wait_until
from faults.proxy import NORMAL
from faults.workers import MAX_CONNECTIONS

CLIENTS: Final = 50
PAUSES: Final = 5
BLACKHOLES: Final = 3
FAULT_SECONDS: Final = 6.0
MAX_RESPONSE_SECONDS: Final = 2.5
MAX_RECOVERY_SECONDS: Final = 1.0

_BEFORE_SECONDS: Final = 1.0
_AFTER_SECONDS: Final = 3.0
_SETTLE_SECONDS: Final = 5.0
_WRITES: Final = 0.2
_LISTS: Final = ("/deals?limit=5", "/deals/stats?min_stars=4")

Fault = tuple[Callable[[], object], Callable[[], object]]
"""Functions that inject it and heal it."""


@dataclass(slots=True)
class Measurements:
    unexpected: Violations = field(default_factory=Violations)
    leaks: Violations = field(default_factory=Violations)
    statuses: "Counter[int]" = field(default_factory=Counter)
    slowest: float = 0.0
    recoveries: list[float] = field(default_factory=list)

    def record(self, response: Response) -> None:
        self.statuses[response.status] += 1
        self.slowest = max(self.slowest, response.seconds)
        if not response.is_success and not response.is_unavailable:
            self.unexpected.record(f"neither a success nor a 503 with Retry-After: {response}")


@dataclass(slots=True)
class Round:
    """One fault, with clients that send requests before, during and after it."""

    port: int
    fault: Fault
    seen: Measurements
    rng: Random
    deadline: float = 0.0
    healed: float = float("inf")
    first_success: float = float("inf")

    async def run(self) -> None:
        inject, heal = self.fault
        async with asyncio.TaskGroup() as group:
            self.deadline = time.monotonic() + _BEFORE_SECONDS + FAULT_SECONDS + _AFTER_SECONDS
            for number in range(CLIENTS):
                group.create_task(self._run_client(number))
            await asyncio.sleep(_BEFORE_SECONDS)
            await asyncio.to_thread(inject)
            await asyncio.sleep(FAULT_SECONDS)
            await asyncio.to_thread(heal)
            self.healed = time.monotonic()
        self.seen.recoveries.append(self.first_success - self.healed)

    async def _run_client(self, number: int) -> None:
        connection = await Connection.open(self.port)
        while time.monotonic() < self.deadline:
            deal_id = choose_own_deal(self.rng, number, CLIENTS)
            try:
                response = await connection.send(update_or_get(self.rng, deal_id, writes=_WRITES, lists=_LISTS))
            except (ConnectionLostError, TimeoutError) as error:
                self.seen.unexpected.record(f"no response: {error!r}")
                connection = await Connection.open(self.port)
                continue
            self._record(response)
        connection.close()

    def _record(self, response: Response) -> None:
        self.seen.record(response)
        if response.is_success and (now := time.monotonic()) > self.healed:
            self.first_success = min(self.first_success, now)


def run(options: Options) -> ExperimentResult:
    """Pause all of PostgreSQL's processes, and block the network to it, for 6 s each time."""
    seen, pauses, blackholes = Measurements(), options.scaled(PAUSES), options.scaled(BLACKHOLES)
    with options.start() as environment:
        pause: Fault = (environment.postgres.pause, environment.postgres.resume)
        _run_rounds(pauses, environment, pause, seen, options)
    with options.start(through_proxy=True) as environment:
        proxy = environment.proxy
        blackhole: Fault = (lambda: proxy.set_mode("blackhole"), lambda: proxy.set_mode(NORMAL))
        _run_rounds(blackholes, environment, blackhole, seen, options)
    criteria = [
        expect_none("responses other than a success or 503 with Retry-After", seen.unexpected, n=seen.statuses.total()),
        expect_at_most("slowest", seen.slowest, MAX_RESPONSE_SECONDS),
        expect_at_most("first success after the fault", max(seen.recoveries), MAX_RECOVERY_SECONDS),
        expect_none("rounds that left connections beyond the pool or busy", seen.leaks, n=pauses + blackholes),
    ]
    faults = f"{pauses} pauses and {blackholes} black holes of {FAULT_SECONDS:g} s"
    return ExperimentResult(seen.statuses.total(), criteria, faults, seen.statuses)


def _run_rounds(count: int, environment: Environment, fault: Fault, seen: Measurements, options: Options) -> None:
    url = environment.database_url
    for number in range(count):
        uvloop.run(Round(environment.port, fault, seen, options.rng(number)).run())
        busy = list_busy_sessions(url)
        if busy or not wait_until(lambda: len(list_sessions(url)) <= MAX_CONNECTIONS, seconds=_SETTLE_SECONDS):
            seen.leaks.record(f"{len(list_sessions(url))} sessions, {len(busy)} of them busy: {busy}")
