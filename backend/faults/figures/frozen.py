"""PostgreSQL says nothing for a while: nobody waits long for an answer, and all is well right after."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

from faults.figures.catalogue import DEALS
from faults.figures.crowd import run
from faults.figures.database import busy, sessions
from faults.figures.figure import Figure, Findings, at_most, counted, none_of
from faults.figures.plan import Plan
from faults.figures.stage import Stage, stage
from faults.figures.wire import Answer, Connection, CutError, encode
from faults.processes import wait_until
from faults.workers import POOL_SIZE

CLIENTS: Final = 50
FREEZES: Final = 5
BLACKHOLES: Final = 3
SECONDS: Final = 6.0
SLOWEST: Final = 2.5
BACK: Final = 1.0

_BEFORE: Final = 1.0
_AFTER: Final = 3.0
_REST_SECONDS: Final = 10.0
_UNAVAILABLE: Final = 503
_WRITES: Final = 0.2
"""Of all requests."""


@dataclass(slots=True)
class Seen:
    """What came back, over all rounds."""

    odd: Findings = field(default_factory=Findings)
    left: Findings = field(default_factory=Findings)
    statuses: "Counter[int]" = field(default_factory=Counter)
    slowest: float = 0.0
    back: list[float] = field(default_factory=list)

    def note(self, answer: Answer) -> None:
        self.statuses[answer.status] += 1
        self.slowest = max(self.slowest, answer.seconds)
        if not answer.is_success and not (answer.status == _UNAVAILABLE and answer.has("retry-after")):
            self.odd.note(f"neither a success nor a 503 with Retry-After: {answer}")


@dataclass(slots=True)
class Round:
    """One silence, under load from before it until after it."""

    there: Stage
    seen: Seen
    chance: Random
    ends: float = 0.0
    thawed: float = float("inf")
    first_success: float = float("inf")

    async def play(self) -> None:
        async with asyncio.TaskGroup() as group:
            self.ends = time.monotonic() + _BEFORE + SECONDS + _AFTER
            for number in range(CLIENTS):
                group.create_task(self._client(number))
            await asyncio.sleep(_BEFORE)
            await asyncio.to_thread(self._silence)
            await asyncio.sleep(SECONDS)
            await asyncio.to_thread(self._heal)
        self.seen.back.append(self.first_success - self.thawed)

    def _silence(self) -> None:
        if self.there.proxy is None:
            self.there.cluster.freeze()
        else:
            self.there.proxy.tell("blackhole")

    def _heal(self) -> None:
        if self.there.proxy is None:
            self.there.cluster.thaw()
        else:
            self.there.proxy.tell("calm")
        self.thawed = time.monotonic()

    async def _client(self, number: int) -> None:
        connection = await Connection.open(self.there.port)
        while time.monotonic() < self.ends:
            try:
                answer = await connection.ask(self._request(number))
            except (CutError, TimeoutError) as error:
                self.seen.odd.note(f"no answer: {error!r}")
                connection = await Connection.open(self.there.port)
                continue
            self._answered(answer)
        connection.close()

    def _answered(self, answer: Answer) -> None:
        self.seen.note(answer)
        if answer.is_success and (now := time.monotonic()) > self.thawed:
            self.first_success = min(self.first_success, now)

    def _request(self, number: int) -> bytes:
        key = 1 + number + CLIENTS * self.chance.randrange(DEALS // CLIENTS)  # nobody else writes to it
        if self.chance.random() < _WRITES:
            return encode("PATCH", f"/deals/{key}", {"price_per_night": self.chance.randint(1, 10**6) / 100})
        return encode("GET", self.chance.choice([f"/deals/{key}", "/deals?limit=5", "/deals/stats?min_stars=4"]))


def frozen(plan: Plan) -> Figure:
    """SIGSTOP of all of PostgreSQL's processes, and a network that swallows everything, 6 s each time."""
    seen, freezes, blackholes = Seen(), plan.of(FREEZES), plan.of(BLACKHOLES)
    with stage(plan) as there:
        _rounds(freezes, there, seen, plan)
    with stage(plan, behind_proxy=True) as there:
        _rounds(blackholes, there, seen, plan)
    goals = [
        none_of("answers other than success or 503 + Retry-After", seen.odd, n=seen.statuses.total()),
        at_most("slowest", seen.slowest, SLOWEST),
        at_most("first 200 after the thaw", max(seen.back), BACK),
        none_of("connections left beyond the pool or at work", seen.left, n=freezes + blackholes),
    ]
    faults = f"{freezes} freezes and {blackholes} black holes of {SECONDS:g} s"
    examples = [*seen.odd.examples, *seen.left.examples, counted(seen.statuses), f"back after {seen.back}"]
    return Figure("frozen", seen.statuses.total(), plan.seed, goals, faults, examples)


def _rounds(count: int, there: Stage, seen: Seen, plan: Plan) -> None:
    for number in range(count):
        run(Round(there, seen, plan.chance(number)).play())
        if not wait_until(lambda: _is_at_rest(there.url), seconds=_REST_SECONDS):
            seen.left.note(f"{sessions(there.url)} sessions, {busy(there.url)} of them at work")


def _is_at_rest(url: str) -> bool:
    return sessions(url) <= POOL_SIZE and busy(url) == 0
