"""The load generator: keep-alive connections that each send the next request as soon as a response has arrived.

An own client, because requests differ, PATCH names the version of the previous update, and wrk is not installed
everywhere. It uses a quarter of the time that the fastest target needs for a response.
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

from benchmarks.cases import ApiRequest, RequestData, generate_requests
from benchmarks.worker import Job, Result, run_jobs

CONNECTIONS: Final = 16

_NO_DATA: Final[dict[str, list[Any]]] = {"deals": [], "hotels": [], "cities": []}
_GRACE_SECONDS: Final = 60.0

_HEADER_END: Final = b"\r\n\r\n"
_CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SUCCESS: Final = (b"HTTP/1.1 200", b"HTTP/1.1 201")
_HOST: Final = "127.0.0.1"


class LoadError(Exception):
    """A target sent an error, or no response."""


@dataclass(slots=True)
class Window:
    """The measured interval. Requests sent before it are the warm-up; after it, each connection ends."""

    opens: float
    closes: float
    latencies: list[float] = field(default_factory=list)
    last_response: float = 0.0

    @classmethod
    def start(cls, *, warm_up: float, seconds: float) -> "Window":
        opens = time.perf_counter() + warm_up
        return cls(opens, opens + seconds)

    def record(self, *, sent: float, received: float) -> bool:
        """Record a response; return whether the window has closed."""
        if sent < self.opens:
            return False
        self.latencies.append(received - sent)
        self.last_response = received
        return received > self.closes

    def result(self) -> Result:
        """Requests a second and latency percentiles in milliseconds."""
        ordered = sorted(self.latencies)
        return {
            "requests": len(ordered),
            "requests_per_second": len(ordered) / (self.last_response - self.opens),
            "p50_ms": 1000 * ordered[len(ordered) // 2],
            "p99_ms": 1000 * ordered[len(ordered) * 99 // 100],
        }


class Connection(asyncio.Protocol):
    """Sends one request at a time until the window closes, which resolves `done`."""

    def __init__(self, requests: Iterator[ApiRequest], window: Window) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._window = window
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._send_next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if _is_complete(self._received):
            self._handle_response()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or LoadError("The connection was closed before the response was complete."))

    def _send_next(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(encode(next(self._requests)))

    def _handle_response(self) -> None:
        if not self._received.startswith(_SUCCESS):
            self.done.set_exception(LoadError(self._received.decode(errors="replace")))
        elif self._window.record(sent=self._sent_at, received=time.perf_counter()):
            self.done.set_result(None)
        else:
            self._received = b""
            self._send_next()
            return
        self._transport.close()


def encode(request: ApiRequest) -> bytes:
    """The request in HTTP/1.1."""
    head = f"{request.method} {request.path} HTTP/1.1\r\nHost: deals.test\r\n"
    if request.body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(request.body)}\r\n"
    return head.encode() + b"\r\n" + request.body


def _is_complete(received: bytes) -> bool:
    end = received.find(_HEADER_END)
    if end < 0:
        return False
    length = _CONTENT_LENGTH.search(received, 0, end + 2)
    if length is None:
        raise LoadError("A response has no Content-Length.")
    return len(received) >= end + len(_HEADER_END) + int(length[1])


async def _generate_load(job: Job) -> Result:
    data, loop = RequestData(**job.get("data", _NO_DATA)), asyncio.get_running_loop()
    window = Window.start(warm_up=job["seconds"] / 4, seconds=job["seconds"])
    connections = []
    for number in range(job.get("connections", CONNECTIONS)):
        requests = (
            generate_requests(job["case"], data.partition(number, count=CONNECTIONS), seed=number)
            if "case" in job
            else cycle(ApiRequest("GET", path) for path in job["paths"])
        )
        _, connection = await loop.create_connection(partial(Connection, requests, window), _HOST, job["port"])
        connections.append(connection)
    async with asyncio.timeout(window.closes + _GRACE_SECONDS - time.perf_counter()):
        await asyncio.gather(*(connection.done for connection in connections))
    return window.result()


def generate_load(job: Job) -> Result:
    """Send `job["case"]`, or `job["paths"]` in turn, to `job["port"]` for `job["seconds"]`."""
    return uvloop.run(_generate_load(job))


if __name__ == "__main__":
    run_jobs(generate_load)
