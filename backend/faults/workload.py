"""The clients' scenarios: sequences of operations with outcomes that the checkers can verify."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from types import MappingProxyType
from typing import Final
from uuid import uuid4

from faults.catalogue import Catalogue, Value
from faults.client import RecordingClient, Request
from faults.history import Kind, Operation, Outcome

MAX_DUPLICATES: Final = 8
DEFAULT_WEIGHTS: Final[Mapping[str, int]] = MappingProxyType(
    {"read_update": 6, "create_read": 2, "create_with_key": 1, "create_delete": 1}
)
"""The scenarios and their relative frequencies."""

_MAX_RETRIES: Final = 8
_MAX_PAUSE_SECONDS: Final = 0.05
_CONDITIONAL_UPDATES: Final = 0.8
_REUSED_KEYS: Final = 0.2
"""The share of idempotency keys that are also sent with a different body."""


@dataclass(slots=True)
class Workload:
    """Generates unique values and keys, and runs scenarios in concurrent clients. Reproducible by the seed."""

    client: RecordingClient
    catalogue: Catalogue
    seed: int
    weights: Mapping[str, int] = field(default_factory=lambda: DEFAULT_WEIGHTS)
    duplicates: Sequence[int] = tuple(range(1, MAX_DUPLICATES + 1))
    """How many copies of a request with an idempotency key are sent at once: one of these numbers."""
    keys: int = 0
    """The number of idempotency keys used so far."""
    _name: str = field(default_factory=lambda: uuid4().hex)
    _tokens: "count[int]" = field(init=False)

    def __post_init__(self) -> None:
        self._tokens = count(len(self.catalogue.initial_values) + 1)

    async def run(self, *, clients: int, is_finished: Callable[[], bool]) -> None:
        """Run scenarios until `is_finished`, which each client checks after every scenario."""
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(ScenarioRunner(self, Random(f"{self.seed} {number}")).run(is_finished))

    def new_value(self) -> Value:
        return Value.from_token(next(self._tokens))

    def new_key(self) -> str:
        self.keys += 1
        return f"{self._name}-{self.keys}"


class ScenarioRunner:
    """One client: sequential, except where a scenario sends several requests at once."""

    def __init__(self, workload: Workload, rng: Random) -> None:
        self._workload = workload
        self._rng = rng
        self._process = workload.client.new_process()
        self._scenarios: Mapping[str, Callable[[], Awaitable[None]]] = {
            "read_update": self._read_update,
            "contended_update": self._contended_update,
            "create_read": self._create_read,
            "create_with_key": self._create_with_key,
            "create_delete": self._create_delete,
        }

    async def run(self, is_finished: Callable[[], bool]) -> None:
        names, weights = list(self._workload.weights), list(self._workload.weights.values())
        while not is_finished():
            (name,) = self._rng.choices(names, weights)
            await self._scenarios[name]()

    async def _read_update(self) -> None:
        """Read a deal that all clients share and update it, usually on condition of the version read."""
        await self._update_shared_deal(conditional=_CONDITIONAL_UPDATES)

    async def _contended_update(self) -> None:
        """Like `_read_update`, always conditional."""
        await self._update_shared_deal(conditional=1.0)

    async def _update_shared_deal(self, *, conditional: float) -> None:
        deal_id = self._rng.choice(self._workload.catalogue.deals)
        read = await self._send(_read(deal_id))
        if read.outcome is Outcome.OK:
            expected = read.version if self._rng.random() < conditional else None
            await self._send(_update(deal_id, self._workload.new_value(), expected_version=expected))

    async def _create_read(self) -> None:
        """Create a deal and read it immediately."""
        created = await self._send(self._create())
        if created.outcome is Outcome.OK and created.deal_id is not None:
            await self._send(_read(created.deal_id))

    async def _create_with_key(self) -> None:
        """Send one creation several times at once under one key, retry until it is acknowledged, and repeat it."""
        request = self._create(idempotency_key=self._workload.new_key())
        attempts = await self._send_all([request] * self._rng.choice(self._workload.duplicates))
        for _ in range(_MAX_RETRIES):
            if any(attempt.outcome is Outcome.OK for attempt in attempts):
                break
            attempts = [await self._send(request)]
        other = self._create(idempotency_key=request.idempotency_key)
        await self._send_all([request, other] if self._rng.random() < _REUSED_KEYS else [request])

    async def _create_delete(self) -> None:
        """Create a deal, update and delete it concurrently, and read it."""
        created = await self._send(self._create())
        if created.outcome is not Outcome.OK or created.deal_id is None:
            return
        expected = self._rng.choice([created.version, None])
        updates = [_update(created.deal_id, self._workload.new_value()) for _ in range(2)]
        await self._send_all([*updates, _delete(created.deal_id, expected_version=expected)])
        await self._send(_read(created.deal_id))

    async def _send_all(self, requests: Sequence[Request]) -> list[Operation]:
        client = self._workload.client
        return await asyncio.gather(*(client.send(request, process=client.new_process()) for request in requests))

    async def _send(self, request: Request) -> Operation:
        operation = await self._workload.client.send(request, process=self._process)
        if operation.outcome is Outcome.UNKNOWN:
            self._process = self._workload.client.new_process()
        if operation.outcome is Outcome.UNKNOWN or operation.status in {None, 409, 429, 503}:
            await asyncio.sleep(_MAX_PAUSE_SECONDS * self._rng.random())
        return operation

    def _create(self, *, idempotency_key: str | None = None) -> Request:
        sent, hotel_id = self._workload.new_value(), self._rng.choice(self._workload.catalogue.hotels)
        new_deal = {"hotel_id": hotel_id, "star_rating": self._rng.randint(1, 5)}
        return Request(kind=Kind.CREATE, sent=sent, new_deal=new_deal, idempotency_key=idempotency_key)


def _read(deal_id: int) -> Request:
    return Request(kind=Kind.READ, deal_id=deal_id)


def _update(deal_id: int, sent: Value, *, expected_version: int | None = None) -> Request:
    return Request(kind=Kind.UPDATE, deal_id=deal_id, sent=sent, expected_version=expected_version)


def _delete(deal_id: int, *, expected_version: int | None) -> Request:
    return Request(kind=Kind.DELETE, deal_id=deal_id, expected_version=expected_version)
