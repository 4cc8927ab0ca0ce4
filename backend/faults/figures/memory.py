"""A worker that has served hundreds of thousands of requests needs no more memory than one that has warmed up."""

import asyncio
import os
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Final

from faults.figures.crowd import Countdown, run, together
from faults.figures.figure import Figure, Findings, Goal, counted, none_of
from faults.figures.mixture import HANG_UPS, Mixture
from faults.figures.plan import Plan
from faults.figures.stage import Stage, stage
from faults.figures.wire import Connection

REQUESTS: Final = 300_000
WARM_UP: Final = 30_000
PLAYERS: Final = 16
GROWTH: Final = 3.0
"""Percent."""

_SAMPLES: Final = 5
_REST_SECONDS: Final = 0.2
_MEGABYTE: Final = 2**20
_INTERNAL: Final = 500


class Load:
    """So many requests at a time, and what was answered."""

    def __init__(self, plan: Plan, there: Stage) -> None:
        self._there = there
        self._chances = [plan.chance(number) for number in range(PLAYERS)]
        self._mixtures = [Mixture(chance) for chance in self._chances]
        self.statuses: Counter[int] = Counter()
        self.hang_ups = 0
        self.errors = Findings()

    async def ask(self, size: int) -> None:
        """Ask so many requests, all players together."""
        countdown = Countdown(size)

        async def play(number: int) -> None:
            async with Connection.to(self._there.port) as connection:
                while countdown.take():
                    await self._step(number, connection)

        await together(PLAYERS, play)

    async def _step(self, number: int, connection: Connection) -> None:
        mixture = self._mixtures[number]
        if self._chances[number].random() < HANG_UPS:
            self.hang_ups += 1
            async with Connection.to(self._there.port) as impatient:
                impatient.tell(mixture.request())
            return
        answer = await connection.ask(mixture.request())
        self.statuses[answer.status] += 1
        mixture.note(answer)
        if answer.status == _INTERNAL:
            self.errors.note(str(answer))


def memory(plan: Plan) -> Figure:
    """Resident memory of one worker, before and after the requests that follow a warm-up."""
    size, warm_up = plan.of(REQUESTS), plan.of(WARM_UP)
    with stage(plan) as there:
        load = Load(plan, there)
        before, after = run(_play(load, there, warm_up, size))
    growth = 100 * (after - before) / before
    shown = f"RSS {before / _MEGABYTE:.1f} → {after / _MEGABYTE:.1f} MB ({growth:+.2f} %)"
    goals = [
        Goal(shown, f"< +{GROWTH:g} %", reached=growth < GROWTH),
        none_of("answers 500", load.errors, n=load.statuses.total()),
    ]
    faults = f"{load.hang_ups:,} hang-ups, {_errors(load.statuses):,} errors"
    examples = [*load.errors.examples, counted(load.statuses)]
    return Figure("memory", size, plan.seed, goals, faults, examples)


async def _play(load: Load, there: Stage, warm_up: int, size: int) -> tuple[float, float]:
    await load.ask(warm_up)
    before = await _resident(there)
    await load.ask(size)
    return before, await _resident(there)


async def _resident(there: Stage) -> float:
    """Bytes of the first worker that are in memory, once it rests."""
    samples = []
    for _ in range(_SAMPLES):
        await asyncio.sleep(_REST_SECONDS)
        samples.append(_resident_bytes(there.workers[0].pid))
    return median(samples)


def _resident_bytes(pid: int | None) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _errors(statuses: "Counter[int]") -> int:
    return sum(count for status, count in statuses.items() if status >= HTTPStatus.BAD_REQUEST)
