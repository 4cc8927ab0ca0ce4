"""Clients that connect, send and close at once hold nothing: the next good client is answered."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from faults.figures.catalogue import DEALS
from faults.figures.crowd import run, together
from faults.figures.database import holding, left_after
from faults.figures.figure import Figure, Findings, Goal, at_most, none_of
from faults.figures.plan import Plan
from faults.figures.stage import Stage, stage
from faults.figures.wire import Connection, encode

CLIENTS: Final = 5_000
WAVE: Final = 50
"""Clients that hang up before each good one; more would only make it wait for its turn at the processor."""
SLOWEST: Final = 1.0

_LOCK: Final = "LOCK TABLE deals IN ACCESS EXCLUSIVE MODE"
_WRITES: Final = 0.2
_OK: Final = 200
_REST_SECONDS: Final = 5.0


@dataclass(slots=True)
class Seen:
    """How the good clients fared."""

    failed: Findings = field(default_factory=Findings)
    seconds: list[float] = field(default_factory=list)

    async def ask(self, port: int, path: str) -> None:
        async with Connection.to(port) as client:
            answer = await client.ask(encode("GET", path))
        self.seconds.append(answer.seconds)
        if answer.status != _OK:
            self.failed.note(f"a good client of {path} was answered {answer}")


def hang_ups(plan: Plan) -> Figure:
    """Half of the clients read and write what is answered at once, half read what is locked from outside.

    A write whose client is gone is brought to its end, so that one would wait for the lock as long as it may: the
    writes of the first half end before the lock is taken, or they would keep the good clients from the pool.
    """
    seen, waves = Seen(), plan.of(CLIENTS // WAVE, least=2)
    with stage(plan) as there:
        run(_free(plan, there, waves // 2, seen))
        left = left_after(there.url, seconds=_REST_SECONDS)
        with holding(there.url, _LOCK):
            run(_held(plan, there, waves // 2, seen))
        left += left_after(there.url, seconds=_REST_SECONDS)
    good, size = len(seen.seconds), waves // 2 * 2 * WAVE
    goals = [
        none_of(f"of {good} good clients not answered 200", seen.failed, n=good),
        at_most("the slowest of them", max(seen.seconds), SLOWEST),
        Goal(f"{left} connections left at work", "0", reached=left == 0),
    ]
    return Figure("hang-ups", size, plan.seed, goals, f"{size:,} hang-ups", seen.failed.examples)


async def _free(plan: Plan, there: Stage, waves: int, seen: Seen) -> None:
    for number in range(waves):
        await _wave(there.port, plan.chance("free", number), writes=_WRITES)
        await seen.ask(there.port, "/deals?limit=20")


async def _held(plan: Plan, there: Stage, waves: int, seen: Seen) -> None:
    for number in range(waves):
        await _wave(there.port, plan.chance("held", number), writes=0.0)
        await seen.ask(there.port, "/categories")


async def _wave(port: int, chance: Random, *, writes: float) -> None:
    async def play(_: int) -> None:
        async with Connection.to(port) as client:
            client.tell(_request(chance, writes))

    await together(WAVE, play)


def _request(chance: Random, writes: float) -> bytes:
    key = chance.randint(1, DEALS)
    if chance.random() < writes:
        return encode("PATCH", f"/deals/{key}", {"price_per_night": chance.randint(1, 10**6) / 100})
    return encode("GET", chance.choice([f"/deals/{key}", "/deals?limit=20", "/deals/stats?min_stars=4"]))
