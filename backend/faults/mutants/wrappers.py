"""Mutants that wrap the service: they cache, repeat or modify its responses, or leak its resources."""

import os
from collections.abc import Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.session import ConnectedDatabase

_KEY_HEADER: Final = b"idempotency-key"


@dataclass(slots=True)
class BufferedResponse:
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def collect(self, message: Message) -> None:
        """An ASGI `send`."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    async def replay(self, send: Send) -> None:
        others = [(name, value) for name, value in self.headers if name.lower() != b"content-length"]
        headers = [*others, (b"content-length", str(len(self.body)).encode())]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


async def call(service: ASGIApp, scope: Scope, body: bytes) -> BufferedResponse:
    """Send a request to the service."""
    response, messages = BufferedResponse(), [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    await service(dict(scope), receive, response.collect)
    return response


async def read_body(receive: Receive) -> bytes:
    body, is_complete = b"", False
    while not is_complete:
        message = await receive()
        body += message.get("body", b"")
        is_complete = not message.get("more_body", False)
    return body


@dataclass(slots=True)
class Wrapper:
    """Buffers request and response; subclasses override `handle`."""

    service: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.handle(scope, await read_body(receive))
        await response.replay(send)

    async def handle(self, scope: Scope, body: bytes) -> BufferedResponse:
        return await call(self.service, scope, body)


class BlindRetry(Wrapper):
    """Retries a creation of unknown outcome, without an idempotency key."""

    async def handle(self, scope: Scope, body: bytes) -> BufferedResponse:
        response = await call(self.service, scope, body)
        if response.status == HTTPStatus.SERVICE_UNAVAILABLE and scope["method"] == "POST":
            response = await call(self.service, scope, body)
        return response


class DatabaseErrorAs500(Wrapper):
    """Returns 500 when the database is unavailable."""

    async def handle(self, scope: Scope, body: bytes) -> BufferedResponse:
        response = await call(self.service, scope, body)
        if response.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return BufferedResponse(500, [(b"content-type", b"text/plain")], b"Internal Server Error")
        return response


class ModifiedReplay(Wrapper):
    """Returns a replayed response with a different body."""

    async def handle(self, scope: Scope, body: bytes) -> BufferedResponse:
        response = await call(self.service, scope, body)
        if any(name.lower() == b"idempotent-replayed" for name, _ in response.headers):
            response.body += b" "
        return response


@dataclass(slots=True)
class StaleReads(Wrapper):
    """Caches reads forever."""

    cache: MutableMapping[str, BufferedResponse] = field(default_factory=dict)

    async def handle(self, scope: Scope, body: bytes) -> BufferedResponse:
        if scope["method"] != "GET":
            return await call(self.service, scope, body)
        if scope["path"] not in self.cache:
            self.cache[scope["path"]] = await call(self.service, scope, body)
        return self.cache[scope["path"]]


@dataclass(slots=True)
class CheckThenInsert(Wrapper):
    """Stores an idempotency key after the work, so that concurrent requests all pass the check."""

    responses: MutableMapping[str, BufferedResponse] = field(default_factory=dict)

    async def handle(self, scope: Scope, body: bytes) -> BufferedResponse:
        key = Headers(scope=scope).get("idempotency-key")
        if key is None:
            return await call(self.service, scope, body)
        if key not in self.responses:
            others = [(name, value) for name, value in scope["headers"] if name.lower() != _KEY_HEADER]
            self.responses[key] = await call(self.service, {**scope, "headers": others}, body)
        return self.responses[key]


class Leak:
    """Acquires a resource after each creation, and does not release it."""

    def __init__(self, service: ASGIApp) -> None:
        self._service = service
        self._leaked = AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._service(scope, receive, send)
        if scope["method"] == "POST":
            await self.acquire(scope, self._leaked)

    async def acquire(self, scope: Scope, leaked: AsyncExitStack) -> None:
        raise NotImplementedError

    async def release(self) -> None:
        """Release everything, so that the next test finds no leak."""
        await self._leaked.aclose()
        self._leaked = AsyncExitStack()


class LeakedDescriptors(Leak):
    """Opens a directory for each creation."""

    async def acquire(self, scope: Scope, leaked: AsyncExitStack) -> None:
        leaked.callback(os.close, os.open(scope["app"].state.settings.init_cwd, os.O_RDONLY))


class LeakedConnection(Leak):
    """Acquires one connection of a pool with `connect`, which takes the service's database."""

    def __init__(
        self, service: ASGIApp, connect: Callable[[ConnectedDatabase], AbstractAsyncContextManager[object]]
    ) -> None:
        super().__init__(service)
        self._connect = connect
        self._has_leaked = False

    async def acquire(self, scope: Scope, leaked: AsyncExitStack) -> None:
        if not self._has_leaked:
            self._has_leaked = True
            await leaked.enter_async_context(self._connect(scope["app"].state.database))

    async def release(self) -> None:
        await super().release()
        self._has_leaked = False
