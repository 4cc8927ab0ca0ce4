"""Whatever was answered with 2xx is what the next read on another connection, of another process, sees."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from faults.figures.catalogue import HOTELS, NEW_DEAL
from faults.figures.crowd import Countdown, run, together
from faults.figures.figure import Figure, Findings, none_of
from faults.figures.plan import Plan
from faults.figures.stage import Stage, stage
from faults.figures.wire import Answer, Connection, encode

WRITES: Final = 20_000
PLAYERS: Final = 8

_CREATED: Final = 201
_FOUND: Final = 200
_GONE: Final = 404
_PAGE: Final = 100
_CREATIONS: Final = 0.4
"""Of all writes: more than removals, so that there is always something to change."""
_CHANGES: Final = 0.6
"""Of the other writes."""
_LISTS: Final = 0.25
"""Of the reads."""


@dataclass(slots=True)
class Player:
    """Writes to deals of its own in a hotel of its own, so that nobody else changes what it looks for."""

    hotel: int
    chance: Random
    write: Connection
    read: Connection
    findings: Findings
    own: dict[int, dict[str, Any]] = field(default_factory=dict)
    tokens: int = 0

    async def step(self) -> None:
        """One write, and at once a read of it."""
        self.write, self.read = self.read, self.write  # each process writes for the other to read
        if not self.own or (len(self.own) < _PAGE and self.chance.random() < _CREATIONS):
            await self._create()
        elif self.chance.random() < _CHANGES:
            await self._change(self.chance.choice(list(self.own)))
        else:
            await self._remove(self.chance.choice(list(self.own)))

    async def _create(self) -> None:
        answer = await self.write.ask(encode("POST", "/deals", {**NEW_DEAL, **self._token(), "hotel_id": self.hotel}))
        if self._is_refused(answer, "POST", _CREATED):
            return
        deal = answer.json()
        self.own[deal["id"]] = deal
        await self._look(deal["id"], "POST")

    async def _change(self, key: int) -> None:
        answer = await self.write.ask(encode("PATCH", f"/deals/{key}", self._token()))
        if self._is_refused(answer, "PATCH", _FOUND):
            return
        self.own[key] = answer.json()
        await self._look(key, "PATCH")

    async def _remove(self, key: int) -> None:
        answer = await self.write.ask(encode("DELETE", f"/deals/{key}"))
        if not self._is_refused(answer, "DELETE", 204):
            del self.own[key]
            await self._look(key, "DELETE")

    async def _look(self, key: int, method: str) -> None:
        """Read the deal, or now and then the hotel's list, and compare with what was answered."""
        if self.chance.random() < _LISTS:
            answer = await self.read.ask(encode("GET", f"/deals?hotel_id={self.hotel}&limit={_PAGE}&sort=-id"))
            items = answer.json()["items"] if answer.status == _FOUND else []
            seen = {deal["id"]: deal for deal in items}
            is_seen = answer.status == _FOUND and _plain(seen.get(key)) == _plain(self.own.get(key))
        else:
            answer = await self.read.ask(encode("GET", f"/deals/{key}"))
            is_seen = _is_seen(answer, self.own.get(key))
        if not is_seen:
            self.findings.note(f"{method} of deal {key} was answered 2xx, and the next read said: {answer}")

    def _token(self) -> dict[str, Any]:
        self.tokens += 1
        return {
            "room_type": f"token {self.hotel}-{self.tokens}",
            "price_per_night": self.chance.randint(1, 10**7) / 100,
        }

    def _is_refused(self, answer: Answer, method: str, status: int) -> bool:
        if answer.status != status:
            self.findings.note(f"{method} was not answered {status}: {answer}")
        return answer.status != status


def _is_seen(answer: Answer, expected: dict[str, Any] | None) -> bool:
    if expected is None:
        return answer.status == _GONE
    return answer.status == _FOUND and _plain(answer.json()) == _plain(expected)


def _plain(deal: dict[str, Any] | None) -> dict[str, Any] | None:
    """Without its hotel, whose average follows other deals."""
    return None if deal is None else {name: value for name, value in deal.items() if name != "hotel"}


def read_after_write(plan: Plan) -> Figure:
    """POST, PATCH and DELETE in turn, each read at once on a connection to the other process."""
    with stage(plan, workers=2) as there:
        return measured(plan, there)


def measured(plan: Plan, there: Stage) -> Figure:
    """The same on a stage that is set."""
    findings, size = Findings(), plan.of(WRITES)
    run(_play(plan, size, there.ports, findings))
    goal = none_of("2xx writes not visible to an immediate read", findings, n=size)
    return Figure("read-after-write", size, plan.seed, [goal], examples=findings.examples)


async def _play(plan: Plan, size: int, ports: list[int], findings: Findings) -> None:
    countdown = Countdown(size)

    async def play(number: int) -> None:
        async with Connection.to(ports[number % 2]) as one, Connection.to(ports[(number + 1) % 2]) as other:
            player = Player(HOTELS - number, plan.chance(number), one, other, findings)
            while countdown.take():
                await player.step()

    await together(PLAYERS, play)
