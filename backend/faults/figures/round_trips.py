"""Every value that is written is read back as it was sent, to the cent and to the character."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from faults.figures.crowd import run, together
from faults.figures.deals import Body, Maker
from faults.figures.figure import Figure, Findings, none_of
from faults.figures.plan import Plan
from faults.figures.stage import Stage, stage
from faults.figures.wire import Answer, Connection, encode
from tests.support.deal_bodies import normalize
from tests.support.decimal_json import to_json

VALUES: Final = 100_000
PLAYERS: Final = 8

_HOTEL_LASTS: Final = 20
"""Deals of one hotel, before the next is made."""


@dataclass(slots=True)
class QueryCounter:
    """Values so far, and those that differ."""

    size: int
    differ: Findings
    values: int = 0

    @property
    def is_reached(self) -> bool:
        return self.values >= self.size


class Player:
    """Makes hotels and deals, changes deals, and reads everything on another connection."""

    def __init__(self, maker: Maker, tally: QueryCounter, write: Connection, read: Connection) -> None:
        self._maker = maker
        self._tally = tally
        self._write = write
        self._read = read

    async def play(self) -> None:
        while not self._tally.is_reached:
            hotel = await self._trip("POST", "/hotels", self._maker.hotel())
            for _ in range(_HOTEL_LASTS if hotel else 0):
                if not self._tally.is_reached:
                    await self._deal(hotel)

    async def _deal(self, hotel: int) -> None:
        sent = self._maker.deal(hotel)
        if key := await self._trip("POST", "/deals", sent):
            patch = self._maker.patch(hotel)
            await self._trip("PATCH", f"/deals/{key}", patch, before=sent)

    async def _trip(self, method: str, path: str, sent: Body, *, before: Body | None = None) -> int:
        """Write, read, and compare each value; the key of what was written, 0 if it was not."""
        answer = await self._write.ask(encode(method, path, to_json(sent)))
        if not answer.is_success:
            self._tally.differ.note(f"{method} {path} of {sent} was refused: {answer}")
            return 0
        key = int(answer.json()["id"])
        read = await self._read.ask(encode("GET", f"/{path.split('/')[1]}/{key}"))
        self._compare({**(before or {}), **sent}, answer, read)
        self._tally.values += len(sent) + max(0, len(sent.get("categories", [])) - 1)
        return key

    def _compare(self, expected: Body, *answers: Answer) -> None:
        for answer in answers:
            shown = answer.json() if answer.is_success else {}
            for name, value in expected.items():
                if (seen := _seen(shown, name)) != _kept(value):
                    self._tally.differ.note(f"{name} was {value!r} and is {seen!r}")


def _seen(shown: Body, name: str) -> Any:  # noqa: ANN401  any JSON
    if name == "categories":
        return sorted(shown.get(name, []))
    return shown.get("hotel", {}).get("id") if name == "hotel_id" else shown.get(name)


def _kept(value: object) -> object:
    """As JSON says what the catalogue keeps of it."""
    if isinstance(value, str):
        return normalize(value)
    if isinstance(value, date):
        return value.isoformat()
    return sorted(normalize(name) for name in value) if isinstance(value, list) else value


def round_trips(plan: Plan) -> Figure:
    """Hotels and deals over the whole range of every field, written, changed and read."""
    with stage(plan, workers=2) as there:
        return measured(plan, there)


def measured(plan: Plan, there: Stage) -> Figure:
    """The same on a stage that is set."""
    tally = QueryCounter(plan.of(VALUES), Findings())
    run(_play(plan, there.ports, tally))
    goal = none_of("values that differ", tally.differ, n=tally.values)
    return Figure("round-trips", tally.values, plan.seed, [goal], examples=tally.differ.examples)


async def _play(plan: Plan, ports: list[int], tally: QueryCounter) -> None:
    async def play(number: int) -> None:
        async with Connection.to(ports[number % 2]) as write, Connection.to(ports[(number + 1) % 2]) as read:
            await Player(Maker(plan.chance(number), number=number), tally, write, read).play()

    await together(PLAYERS, play)
