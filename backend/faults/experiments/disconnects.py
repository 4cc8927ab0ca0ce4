"""Clients that disconnect without reading the response hold no resources: the next client is served."""

from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Final

import uvloop

from faults.database import LOCK_DEALS, hold_lock, list_busy_sessions
from faults.experiments.concurrency import run_clients
from faults.experiments.experiment import (
    Criterion,
    ExperimentResult,
    Options,
    Violations,
    expect_at_most,
    expect_none,
)
from faults.experiments.requests import update_or_get
from faults.experiments.sample_data import DEALS
from faults.http_client import connect, encode_request

CLIENTS: Final = 5_000
WAVE: Final = 50
"""Clients that disconnect before each patient one. More of them would measure only the CPU time they cost."""
MAX_RESPONSE_SECONDS: Final = 1.0

_WRITES: Final = 0.2
_LISTS: Final = ("/deals?limit=20", "/deals/stats?min_stars=4")


@dataclass(slots=True)
class Measurements:
    """The patient clients' responses."""

    failures: Violations = field(default_factory=Violations)
    seconds: list[float] = field(default_factory=list)

    async def get(self, port: int, path: str) -> None:
        async with connect(port) as client:
            response = await client.send(encode_request("GET", path))
        self.seconds.append(response.seconds)
        if response.status != HTTPStatus.OK:
            self.failures.record(f"GET {path} of a patient client returned {response}")


def run(options: Options) -> ExperimentResult:
    """Disconnect after reads and writes, then after reads that wait for a lock held outside the service.

    A write continues when its client disconnects, and would wait for that lock up to its timeout. The writes of the
    first half therefore end before the lock is taken.
    """
    seen, waves = Measurements(), options.scaled(CLIENTS // WAVE, minimum=2)
    with options.start() as environment:
        url, port = environment.database_url, environment.port
        uvloop.run(_run_waves(options, port, waves // 2, seen, is_locked=False))
        remaining = len(list_busy_sessions(url))
        with hold_lock(url, LOCK_DEALS):
            uvloop.run(_run_waves(options, port, waves // 2, seen, is_locked=True))
        remaining += len(list_busy_sessions(url))
    patient, disconnects = len(seen.seconds), waves // 2 * 2 * WAVE
    criteria = [
        expect_none(f"of {patient} patient clients without a 200", seen.failures, n=patient),
        expect_at_most("the slowest of them", max(seen.seconds), MAX_RESPONSE_SECONDS),
        Criterion(f"{remaining} busy connections remain", "0", is_met=remaining == 0),
    ]
    return ExperimentResult(disconnects, criteria, f"{disconnects:,} disconnects")


async def _run_waves(options: Options, port: int, waves: int, seen: Measurements, *, is_locked: bool) -> None:
    for number in range(waves):
        await _disconnect_many(port, options.rng(is_locked, number), writes=0.0 if is_locked else _WRITES)
        await seen.get(port, "/categories" if is_locked else "/deals?limit=20")


async def _disconnect_many(port: int, rng: Random, *, writes: float) -> None:
    async def send_and_disconnect(_: int) -> None:
        async with connect(port) as client:
            client.send_only(update_or_get(rng, rng.randint(1, DEALS), writes=writes, lists=_LISTS))

    await run_clients(WAVE, send_and_disconnect)
