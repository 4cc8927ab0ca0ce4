"""Limits on request headers and bodies that uvicorn does not have."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from itertools import chain
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BadRequestError, ErrorDetail, HeadersTooLargeError

_MAX_FIELDS: Final = 100
_MAX_BYTES: Final = 32 * 1024
_VERSION_WITHOUT_HOST: Final = "1.0"


class HeaderLimitMiddleware:
    """Reject oversized headers with 431, and requests that proxies could interpret differently with 400.

    The latter have no `Host` or several, or a body together with `Upgrade`: uvicorn would read the body of an upgrade
    request as the next request (request smuggling).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            _validate(scope)
        await self.app(scope, receive, send)


def _validate(scope: Scope) -> None:
    headers = scope["headers"]
    if len(headers) > _MAX_FIELDS or sum(map(len, chain.from_iterable(headers))) > _MAX_BYTES:
        raise HeadersTooLargeError
    names = [name for name, _ in headers]
    hosts = names.count(b"host")
    if hosts != 1 and (hosts or scope["http_version"] != _VERSION_WITHOUT_HOST):
        raise BadRequestError(details=[ErrorDetail("host", "must be sent exactly once")])
    if (b"upgrade" in names or scope["method"] == "CONNECT") and _has_body(headers):
        detail = ErrorDetail("upgrade", "must not be sent with a body")
        raise BadRequestError(details=[detail], headers={"Connection": "close"})


def _has_body(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers)


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
