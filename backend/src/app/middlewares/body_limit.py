"""Limits on request bodies."""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MAX_LENGTH_DIGITS: Final = 19


class BodyLimitMiddleware:
    """Reject a body of more than `max_bytes` with 413, and one that is incomplete after `timeout` seconds with 408.

    The timeout starts when the application first reads the body, and closes the connection. Starlette's own
    RequestBodyLimitMiddleware is not used because it rejects an excessive Content-Length in plain text.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout: float) -> None:
        self.app = app
        self._max_bytes = max_bytes
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = _Body(scope, receive, self._max_bytes, self._timeout).receive
        await self.app(scope, receive, send)


class _Body:
    """The body of one request. HTTPException, because FastAPI replaces other exceptions from reading a body."""

    def __init__(self, scope: Scope, receive: Receive, max_bytes: int, timeout: float) -> None:
        self._scope = scope
        self._receive = receive
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._deadline: float | None = None
        self._received = 0
        self._is_complete = False

    async def receive(self) -> Message:
        if self._is_complete:
            return await self._receive()  # waits until the client disconnects, however long that takes
        if self._deadline is None:
            self._check_size(_content_length(self._scope))
            self._deadline = asyncio.get_running_loop().time() + self._timeout
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, headers={"Connection": "close"}) from None
        self._received += len(message.get("body", b""))
        self._check_size(self._received)
        self._is_complete = not message.get("more_body", False)
        return message

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _content_length(scope: Scope) -> int:
    value = Headers(scope=scope).get("content-length", "0")
    return int(value[:_MAX_LENGTH_DIGITS]) if value.isdecimal() else 0
