"""The load: connections that are kept alive, each asking anew as soon as it has its answer.

A client of our own, because calls differ, PATCH names the version that the last one led to, and wrk is not everywhere.
It uses a quarter of the time that the quickest contestant needs for an answer.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import Any, Final, cast

import uvloop

from benchmarks.cases import Call, Material, calls
from benchmarks.work import Plan, Result, work

CONNECTIONS: Final = 16

_NOTHING: Final[dict[str, list[Any]]] = {"deals": [], "hotels": [], "cities": []}
_PATIENCE: Final = 60.0

_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GOOD: Final = (b"HTTP/1.1 200", b"HTTP/1.1 201")
_HOST: Final = "127.0.0.1"


class LoadError(Exception):
    """A contestant answered with an error, or not at all."""


@dataclass(slots=True)
class Window:
    """When what is asked counts. What is asked before it warms up; after it, connections end that have counted."""

    opens: float
    closes: float
    latencies: list[float] = field(default_factory=list)
    last: float = 0.0

    @classmethod
    def now(cls, *, warm_up: float, seconds: float) -> "Window":
        opens = time.perf_counter() + warm_up
        return cls(opens, opens + seconds)

    def is_over(self, *, asked: float, answered: float) -> bool:
        """Count the answer; whether to ask no more."""
        if asked < self.opens:
            return False
        self.latencies.append(answered - asked)
        self.last = answered
        return answered > self.closes

    def result(self) -> Result:
        """Requests a second and percentiles in milliseconds, over what was asked in the window."""
        ordered = sorted(self.latencies)
        return {
            "requests": len(ordered),
            "requests_per_second": len(ordered) / (self.last - self.opens),
            "p50_ms": 1000 * ordered[len(ordered) // 2],
            "p99_ms": 1000 * ordered[len(ordered) * 99 // 100],
        }


class Connection(asyncio.Protocol):
    """One request at a time until the window closes; `done` then tells that the last answer is there."""

    def __init__(self, requests: Iterator[Call], window: Window) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._window = window
        self._received = b""
        self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if _is_whole(self._received):
            self._answered()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or LoadError("The connection was closed before the answer came."))

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(encode(next(self._requests)))

    def _answered(self) -> None:
        if not self._received.startswith(_GOOD):
            self.done.set_exception(LoadError(self._received.decode(errors="replace")))
        elif self._window.is_over(asked=self._asked, answered=time.perf_counter()):
            self.done.set_result(None)
        else:
            self._received = b""
            self._ask()
            return
        self._transport.close()


def encode(call: Call) -> bytes:
    """The request in HTTP/1.1."""
    head = f"{call.method} {call.path} HTTP/1.1\r\nHost: deals.test\r\n"
    if call.body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(call.body)}\r\n"
    return head.encode() + b"\r\n" + call.body


def _is_whole(received: bytes) -> bool:
    end = received.find(_END)
    if end < 0:
        return False
    length = _LENGTH.search(received, 0, end + 2)
    if length is None:
        raise LoadError("An answer does not say how long it is.")
    return len(received) >= end + len(_END) + int(length[1])


async def _load(plan: Plan) -> Result:
    material, loop = Material(**plan.get("material", _NOTHING)), asyncio.get_running_loop()
    window = Window.now(warm_up=plan["seconds"] / 4, seconds=plan["seconds"])
    connections = []
    for number in range(plan.get("connections", CONNECTIONS)):
        requests = (
            calls(plan["case"], material.share(number, of=CONNECTIONS), seed=number)
            if "case" in plan
            else cycle(Call("GET", path) for path in plan["paths"])
        )
        _, connection = await loop.create_connection(partial(Connection, requests, window), _HOST, plan["port"])
        connections.append(connection)
    async with asyncio.timeout(window.closes + _PATIENCE - time.perf_counter()):
        await asyncio.gather(*(connection.done for connection in connections))
    return window.result()


def load(plan: Plan) -> Result:
    """Ask `plan["case"]`, or `plan["paths"]` in turn, of the server on `plan["port"]` for `plan["seconds"]`."""
    return uvloop.run(_load(plan))


if __name__ == "__main__":
    work(load)
