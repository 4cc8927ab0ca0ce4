"""All connections of the pool are taken: the others are told so soon, and what needs no database goes on."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from faults.figures.catalogue import NEW_DEAL
from faults.figures.crowd import run
from faults.figures.database import holding, waiting
from faults.figures.figure import Figure, Findings, at_most, counted, none_of, percentile
from faults.figures.plan import Plan
from faults.figures.stage import Stage, stage
from faults.figures.wire import Answer, Connection, encode
from faults.processes import wait_until
from faults.workers import POOL_SIZE

CLIENTS: Final = 100
ROUNDS: Final = 20
LONGEST: Final = 1.0

_LOCK: Final = "LOCK TABLE deals IN ACCESS EXCLUSIVE MODE"
_HOLD_ON: Final = {
    "APP_DATABASE_LOCK_TIMEOUT": "300",
    "APP_DATABASE_STATEMENT_TIMEOUT": "300",
    "APP_REQUEST_TIMEOUT": "300",
}
"""Whoever has a connection keeps it; the bounds that would end that are tried by `frozen`."""
_REQUESTS: Final = (
    encode("GET", "/deals?limit=5"),
    encode("GET", "/deals/1"),
    encode("GET", "/deals/stats"),
    encode("POST", "/deals", NEW_DEAL),
    encode("PATCH", "/deals/1", {"price_per_night": 99.5}),
    encode("DELETE", "/deals/2"),
    encode("GET", "/hotels/1"),
    encode("GET", "/categories"),
)
_WITHOUT_DATABASE: Final = (
    (encode("GET", "/nothing"), 404),
    (encode("PUT", "/deals"), 405),
    (encode("GET", "/deals?limit=0"), 422),
    (encode("POST", "/deals", {}), 422),
    (encode("GET", "/health"), 200),
)
_UNAVAILABLE: Final = 503
_PATIENCE: Final = 30.0


@dataclass(slots=True)
class Seen:
    """What came back."""

    refusals: Findings = field(default_factory=Findings)
    others: Findings = field(default_factory=Findings)
    seconds: list[float] = field(default_factory=list)
    seconds_of_others: list[float] = field(default_factory=list)
    statuses: "Counter[int]" = field(default_factory=Counter)

    def refused(self, answer: Answer) -> None:
        self.statuses[answer.status] += 1
        self.seconds.append(answer.seconds)
        if answer.status != _UNAVAILABLE or not answer.has("retry-after"):
            self.refusals.note(f"not a 503 with Retry-After: {answer}")

    def other(self, answer: Answer, expected: int) -> None:
        self.seconds_of_others.append(answer.seconds)
        if answer.status != expected:
            self.others.note(f"{expected} was expected without a connection, and there came {answer}")


def pool(plan: Plan) -> Figure:
    """The pool's connections wait for a lock that is held from outside; 100 clients ask at once, again and again."""
    seen = Seen()
    with stage(plan, environment=_HOLD_ON) as there:
        run(_play(plan, there, seen))
    goals = [
        none_of("answers other than 503 + Retry-After", seen.refusals, n=len(seen.seconds)),
        at_most("p99", percentile(seen.seconds, 0.99), LONGEST),
        none_of("wrong answers that need no database", seen.others, n=len(seen.seconds_of_others)),
        at_most("p99 of those", percentile(seen.seconds_of_others, 0.99), LONGEST),
    ]
    faults = f"{POOL_SIZE} of {POOL_SIZE} connections held"
    examples = [*seen.refusals.examples, *seen.others.examples, counted(seen.statuses)]
    return Figure("pool", len(seen.seconds), plan.seed, goals, faults, examples)


async def _play(plan: Plan, there: Stage, seen: Seen) -> None:
    holders = [await Connection.open(there.port) for _ in range(POOL_SIZE)]
    with holding(there.url, _LOCK):
        for holder in holders:
            holder.tell(encode("GET", "/deals/1"))
        await asyncio.to_thread(wait_until, lambda: waiting(there.url) == POOL_SIZE, seconds=_PATIENCE)
        clients = [await Connection.open(there.port) for _ in range(CLIENTS)]
        for number in range(plan.of(ROUNDS)):
            await asyncio.gather(*(_ask(client, place + number, seen) for place, client in enumerate(clients)))
            await _ask_others(there.port, seen)
        for client in clients:
            client.close()
    for holder in holders:
        holder.close()


async def _ask(client: Connection, number: int, seen: Seen) -> None:
    seen.refused(await client.ask(_REQUESTS[number % len(_REQUESTS)]))


async def _ask_others(port: int, seen: Seen) -> None:
    async with Connection.to(port) as client:
        for request, expected in _WITHOUT_DATABASE:
            seen.other(await client.ask(request), expected)
