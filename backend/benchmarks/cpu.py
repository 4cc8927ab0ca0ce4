"""The time that the processor spends on a request in the application: its ASGI callable called directly.

No HTTP, no client, one request at a time, in short batches, of which the cheapest counts: what neighbours on the
machine disturb is left out. The database's own time is not in it.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from typing import Final

import uvloop
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchmarks.cases import CASES, Call, Material, calls
from benchmarks.contestants import FACTORIES
from benchmarks.work import Plan, Result, conversation

_BATCH: Final = 10


class AnswerError(Exception):
    """The application answered with an error."""


class Lifespan:
    """The application between its startup and its shutdown."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()

    async def __aenter__(self) -> None:
        scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._task = asyncio.ensure_future(self._app(scope, self._events.get, self._answers.put))
        await self._tell("lifespan.startup")

    async def __aexit__(self, *_: object) -> None:
        await self._tell("lifespan.shutdown")
        await self._task

    async def _tell(self, event: str) -> None:
        await self._events.put({"type": event})
        answer = await self._answers.get()
        if answer["type"] != f"{event}.complete":
            raise AnswerError(answer)


def prepare(call: Call) -> tuple[Scope, Receive, Send]:
    """The request as the server would hand it to the application."""
    path, _, query = call.path.partition("?")
    headers = [(b"host", b"deals.test")]
    if call.body:
        headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(call.body))]
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": call.body, "more_body": False}

    async def send(message: Message) -> None:
        if message.get("status", 200) >= 300:  # noqa: PLR2004  none of the calls is answered otherwise
            raise AnswerError(call, message)

    return scope, receive, send


async def _cost(app: ASGIApp, requests: Iterator[Call]) -> float:
    """CPU seconds a request over one batch."""
    batch = [prepare(call) for call in islice(requests, _BATCH)]
    started = time.process_time()
    for scope, receive, send in batch:
        await app(scope, receive, send)
    return (time.process_time() - started) / _BATCH


async def _spend(plans: Iterator[Plan], reply: Callable[[Result], None]) -> None:
    """The first plan says who and about what; every other one asks for a batch of a case, in microseconds a request."""
    setting = next(plans)
    module, _, factory = FACTORIES[setting["contestant"]].partition(":")
    app: ASGIApp = getattr(import_module(module), factory)()
    material = Material(**setting["material"])
    requests = {case: calls(case, material, seed=0) for case in CASES}
    async with Lifespan(app):
        reply({})
        for plan in plans:
            reply({"cpu_us": 1_000_000 * await _cost(app, requests[plan["case"]])})


if __name__ == "__main__":
    with conversation() as (plans, reply):
        uvloop.run(_spend(plans, reply))
