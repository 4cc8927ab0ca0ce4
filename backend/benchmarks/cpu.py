"""CPU time of a request in the application, measured by calling its ASGI callable directly.

No HTTP and no client: one request at a time, in short batches. The cheapest batch counts, which excludes interference
from other processes. The database's CPU time is not included.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from typing import Any, Final, Self

import uvloop
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchmarks.cases import CASES, ApiRequest, RequestData, generate_requests
from benchmarks.worker import Job, Result, job_channel

_BATCH: Final = 10


class ResponseError(Exception):
    """The application sent an error."""


class Lifespan:
    """Runs the application's startup and shutdown."""

    def __init__(self, app: ASGIApp) -> None:
        self.state: dict[str, Any] = {}
        """The lifespan state, which the server passes to each request."""
        self._app = app
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._replies: asyncio.Queue[Message] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}
        self._task = asyncio.ensure_future(self._app(scope, self._events.get, self._replies.put))
        await self._send("lifespan.startup")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._send("lifespan.shutdown")
        await self._task

    async def _send(self, event: str) -> None:
        await self._events.put({"type": event})
        reply = await self._replies.get()
        if reply["type"] != f"{event}.complete":
            raise ResponseError(reply)


def to_asgi(request: ApiRequest, state: dict[str, Any]) -> tuple[Scope, Receive, Send]:
    """The arguments with which a server calls the application."""
    path, _, query = request.path.partition("?")
    headers = [(b"host", b"deals.test")]
    if request.body:
        headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(request.body))]
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": state.copy(),
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Message) -> None:
        if message.get("status", 200) >= 300:  # noqa: PLR2004  no request of the cases is redirected
            raise ResponseError(request, message)

    return scope, receive, send


async def _run_batch(app: ASGIApp, requests: Iterator[ApiRequest], state: dict[str, Any]) -> float:
    """CPU seconds a request."""
    batch = [to_asgi(request, state) for request in islice(requests, _BATCH)]
    started = time.process_time()
    for scope, receive, send in batch:
        await app(scope, receive, send)
    return (time.process_time() - started) / _BATCH


async def _measure(jobs: Iterator[Job], send_result: Callable[[Result], None]) -> None:
    """The first job names the application and the data, each later one a case. Results: microseconds a request."""
    setup = next(jobs)
    module, _, factory = setup["factory"].partition(":")
    app: ASGIApp = getattr(import_module(module), factory)()
    data = RequestData(**setup["data"])
    requests = {case: generate_requests(case, data, seed=0) for case in CASES}
    async with Lifespan(app) as lifespan:
        send_result({})
        for job in jobs:
            cost = await _run_batch(app, requests[job["case"]], lifespan.state)
            send_result({"cpu_us": 1_000_000 * cost})


if __name__ == "__main__":
    with job_channel() as (jobs, send_result):
        uvloop.run(_measure(jobs, send_result))
