"""What no client should send, field by field and value by value: refused, never a 500, and the connection stays."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

from faults.figures.crowd import run, together
from faults.figures.figure import Figure, Findings, counted, none_of
from faults.figures.plan import Plan
from faults.figures.stage import Stage, stage
from faults.figures.wire import Answer, Connection, CutError, encode
from tests.support import invalid_values
from tests.support.invalid_parameters import CURSOR, ENCODINGS, KEYS_IN_PATHS, QUERIES
from tests.support.invalid_requests import MALFORMED, MEDIA_TYPES, UNKNOWN_PARAMETERS, UNKNOWN_PATHS, WRITES

PLAYERS: Final = 4

_INTERNAL: Final = 500
_REFUSED: Final = range(400, 500)
_HEALTH: Final = encode("GET", "/health")


def cases() -> Iterator[tuple[str, bytes]]:
    """Every case by a name, as bytes."""
    yield from _bodies()
    yield from _queries()
    for method in ("GET", "PATCH", "DELETE"):
        for noun in ("deal", "hotel"):
            for what, value in KEYS_IN_PATHS.items():
                yield f"{method} /{noun}s/…: {what}", encode(method, f"/{noun}s/{value}", b"{}")
    for path in UNKNOWN_PATHS:
        yield f"GET {path[:40]}", encode("GET", path)


def _bodies() -> Iterator[tuple[str, bytes]]:
    for write in WRITES:
        where = f"{write.method} {write.target}"
        for name, values in write.invalid.items():
            for what, value in {**values, **invalid_values.NOT_JSON}.items():
                yield f"{where} {name}: {what}", encode(write.method, write.target, write.body(name, value))
        for name in write.unknown:
            yield f"{where} {name[:20]!a}", encode(write.method, write.target, write.body(name, '"7e57"'))
        for what, body in MALFORMED.items():
            yield f"{where}: {what}", encode(write.method, write.target, body)
        for media_type in MEDIA_TYPES:
            headers = {"content-type": media_type}
            yield f"{where} as {media_type[:20]}", encode(write.method, write.target, b'{"name": "Crown"}', headers)


def _queries() -> Iterator[tuple[str, bytes]]:
    for (method, path), parameters in QUERIES.items():
        where = f"{method} {path}"
        for name, values in parameters.items():
            for what, value in {**values, **ENCODINGS}.items():
                yield f"{where} {name}: {what}", encode(method, f"{path}?{name}={value}")
        for name in UNKNOWN_PARAMETERS:
            yield f"{where} {name[:20]}", encode(method, f"{path}?{name}=7e57")
    for what, value in CURSOR.items():
        yield f"GET /deals cursor: {what}", encode("GET", f"/deals?cursor={value}")


@dataclass(slots=True)
class Seen:
    """What came back."""

    n: int = 0
    errors: Findings = field(default_factory=Findings)
    taken: Findings = field(default_factory=Findings)
    cuts: Findings = field(default_factory=Findings)
    statuses: "Counter[int]" = field(default_factory=Counter)

    def note(self, what: str, answer: Answer) -> None:
        self.statuses[answer.status] += 1
        if answer.status >= _INTERNAL:
            self.errors.note(f"{what}: {answer}")
        elif answer.status not in _REFUSED:
            self.taken.note(f"{what}: {answer}")
        if answer.closes:
            self.cuts.note(f"{what}: closed after {answer}")


def hostile(plan: Plan) -> Figure:
    """Each case on a connection that is kept, and a good request after it."""
    with stage(plan) as there:
        return measured(plan, there)


def measured(plan: Plan, there: Stage) -> Figure:
    """The same on a stage that is set."""
    seen = Seen()
    run(_play(there, _chosen(plan), seen))
    goals = [
        none_of("answers 500 or more", seen.errors, n=seen.n),
        none_of("accepted", seen.taken, n=seen.n),
        none_of("connections cut", seen.cuts, n=seen.n),
    ]
    examples = [*seen.errors.examples, *seen.taken.examples, *seen.cuts.examples, counted(seen.statuses)]
    return Figure("hostile", seen.n, plan.seed, goals, f"{seen.n:,} hand-made inputs", examples)


def _chosen(plan: Plan) -> list[tuple[str, bytes]]:
    """The share of all cases, in an order of chance."""
    every = list(cases())
    return Random(plan.seed).sample(every, min(len(every), plan.of(len(every))))


async def _play(there: Stage, chosen: list[tuple[str, bytes]], seen: Seen) -> None:
    left = iter(chosen)

    async def play(_: int) -> None:
        connection = await Connection.open(there.port)
        for what, request in left:
            seen.n += 1
            try:
                seen.note(what, await connection.ask(request))
                await connection.ask(_HEALTH)
            except (CutError, TimeoutError) as error:
                seen.cuts.note(f"{what}: {error}")
                connection = await Connection.open(there.port)
        connection.close()

    await together(PLAYERS, play)
