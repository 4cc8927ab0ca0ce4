"""What the clients do: scenarios of which every outcome can be judged afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from types import MappingProxyType
from typing import Any, Final
from uuid import uuid4

from faults.catalogue import Catalogue, Value
from faults.client import Client, Request
from faults.history import Kind, Operation, Outcome

AT_ONCE: Final = 8
"""How often a request under one idempotency key is sent at the same time, at most."""
EVERYTHING: Final[Mapping[str, int]] = MappingProxyType({"register": 6, "create": 2, "keyed": 1, "remove": 1})
"""The scenarios, and how often each is played in proportion."""

_RETRIES: Final = 8
_PAUSE: Final = 0.05
_OTHER_BODY: Final = 0.2
"""How often a used key is tried with another body, too."""


@dataclass(slots=True)
class Workload:
    """Scenarios one after the other, for any number of players at once; chance comes from the seed."""

    client: Client
    catalogue: Catalogue
    seed: int
    mix: Mapping[str, int] = field(default_factory=lambda: EVERYTHING)
    at_once: Sequence[int] = tuple(range(1, AT_ONCE + 1))
    """How often a request under an idempotency key is sent at once: one of these."""
    keys: int = 0
    """How many idempotency keys were used so far."""
    _name: str = field(default_factory=lambda: uuid4().hex)
    _tokens: "count[int]" = field(init=False)

    def __post_init__(self) -> None:
        self._tokens = count(len(self.catalogue.values) + 1)

    async def run(self, *, players: int, is_over: Callable[[], bool]) -> None:
        """Play until it is over, which is asked after every scenario."""
        async with asyncio.TaskGroup() as group:
            for number in range(players):
                group.create_task(Player(self, Random(f"{self.seed} {number}")).play(is_over))

    def new_value(self) -> Value:
        return Value.of(next(self._tokens))

    def new_key(self) -> str:
        self.keys += 1
        return f"{self._name}-{self.keys}"


class Player:
    """One client: it does one thing after the other, and several at once only where a scenario says so."""

    def __init__(self, workload: Workload, chance: Random) -> None:
        self._workload = workload
        self._chance = chance
        self._process = workload.client.new_process()
        self._scenarios: Mapping[str, Callable[[], Awaitable[None]]] = {
            "register": self._register,
            "contend": self._contend,
            "create": self._create,
            "keyed": self._keyed,
            "remove": self._remove,
        }

    async def play(self, is_over: Callable[[], bool]) -> None:
        names, weights = list(self._workload.mix), list(self._workload.mix.values())
        while not is_over():
            (name,) = self._chance.choices(names, weights)
            await self._scenarios[name]()

    async def _register(self) -> None:
        """Read a deal that everybody writes to, and change it, mostly on condition that it is still as it was."""
        await self._read_and_change(conditional=0.8)

    async def _contend(self) -> None:
        """The same, always on that condition."""
        await self._read_and_change(conditional=1.0)

    async def _read_and_change(self, *, conditional: float) -> None:
        deal = self._chance.choice(self._workload.catalogue.deals)
        read = await self._do(_read(deal))
        if read.outcome is Outcome.OK:
            base = read.version if self._chance.random() < conditional else None
            await self._do(_change(deal, self._workload.new_value(), base=base))

    async def _create(self) -> None:
        """Add a deal, and look at it at once."""
        made = await self._do(self._new_deal())
        if made.outcome is Outcome.OK and made.key is not None:
            await self._do(_read(made.key))

    async def _keyed(self) -> None:
        """Add a deal under a key several times at once, and again until one attempt is answered, and once more."""
        request = self._new_deal(idempotency_key=self._workload.new_key())
        attempts = await self._at_once([request] * self._chance.choice(self._workload.at_once))
        for _ in range(_RETRIES):
            if any(attempt.outcome is Outcome.OK for attempt in attempts):
                break
            attempts = [await self._do(request)]
        other = self._new_deal(idempotency_key=request.idempotency_key)
        await self._at_once([request, other] if self._chance.random() < _OTHER_BODY else [request])

    async def _remove(self) -> None:
        """Add a deal, have it changed and removed at once, and look whether it is there."""
        made = await self._do(self._new_deal())
        if made.outcome is not Outcome.OK or made.key is None:
            return
        base = self._chance.choice([made.version, None])
        changes = [_change(made.key, self._workload.new_value()) for _ in range(2)]
        await self._at_once([*changes, _remove(made.key, base=base)])
        await self._do(_read(made.key))

    async def _at_once(self, requests: Sequence[Request]) -> list[Operation]:
        client = self._workload.client
        return await asyncio.gather(*(client.send(request, process=client.new_process()) for request in requests))

    async def _do(self, request: Request) -> Operation:
        done = await self._workload.client.send(request, process=self._process)
        if done.outcome is Outcome.UNKNOWN:
            self._process = self._workload.client.new_process()
        if done.outcome is Outcome.UNKNOWN or done.status in {None, 409, 429, 503}:
            await asyncio.sleep(_PAUSE * self._chance.random())
        return done

    def _new_deal(self, *, idempotency_key: str | None = None) -> Request:
        sent, hotel = self._workload.new_value(), self._chance.choice(self._workload.catalogue.hotels)
        body = {
            **_written(sent),
            "hotel_id": hotel,
            "star_rating": self._chance.randint(1, 5),
            "original_price": 99_999_999,
            "discount_percent": 0,
            "checkin_date": "2026-03-01",
            "checkout_date": "2026-03-04",
        }
        return Request(
            kind=Kind.CREATE, method="POST", path="/deals", sent=sent, body=body, idempotency_key=idempotency_key
        )


def _written(value: Value) -> dict[str, Any]:
    return {"room_type": value.room_type, "price_per_night": float(value.price_per_night)}


def _read(deal: int) -> Request:
    return Request(kind=Kind.READ, method="GET", path=f"/deals/{deal}", key=deal)


def _change(deal: int, sent: Value, *, base: int | None = None) -> Request:
    condition = {} if base is None else {"version": base}
    body = {**_written(sent), **condition}
    return Request(kind=Kind.CHANGE, method="PATCH", path=f"/deals/{deal}", key=deal, sent=sent, base=base, body=body)


def _remove(deal: int, *, base: int | None) -> Request:
    condition = "" if base is None else f"?version={base}"
    return Request(kind=Kind.REMOVE, method="DELETE", path=f"/deals/{deal}{condition}", key=deal, base=base)
