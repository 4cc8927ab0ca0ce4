"""Bounds on a request's header, which the server itself does not have."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from itertools import chain
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BadRequestError, ErrorDetail, HeadersTooLargeError

_MOST_FIELDS: Final = 100
_MOST_BYTES: Final = 32 * 1024
_WITHOUT_HOST: Final = "1.0"


class HeaderLimitMiddleware:
    """Refuse more than 100 fields, more than 32 KB of them, any other number of `Host` than one, and a body to upgrade.

    The server takes what follows an offer of another protocol for the next request, whatever length was announced.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            _check(scope)
        await self.app(scope, receive, send)


def _check(scope: Scope) -> None:
    fields = scope["headers"]
    if len(fields) > _MOST_FIELDS or sum(map(len, chain.from_iterable(fields))) > _MOST_BYTES:
        raise HeadersTooLargeError
    names = [name for name, _ in fields]
    hosts = names.count(b"host")
    if hosts != 1 and (hosts or scope["http_version"] != _WITHOUT_HOST):
        raise BadRequestError(details=[ErrorDetail("host", "must be given exactly once")])
    if (b"upgrade" in names or scope["method"] == "CONNECT") and _has_body(fields):
        problem = ErrorDetail("upgrade", "must not be asked for with a body")
        raise BadRequestError(details=[problem], headers={"Connection": "close"})


def _has_body(fields: Sequence[tuple[bytes, bytes]]) -> bool:
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in fields)


class BodyTimeoutMiddleware:
    """Refuse a body that is not whole after `seconds`, and close its connection."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self.app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        ends: float | None = None
        whole = False

        async def timely() -> Message:
            nonlocal ends, whole
            if whole:
                return await receive()  # waits for the client to hang up, as long as that takes
            ends = ends or asyncio.get_running_loop().time() + self._seconds
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, headers={"Connection": "close"}) from None
            whole = not message.get("more_body", False)
            return message

        await self.app(scope, timely, send)


_LONGEST_LENGTH: Final = 19


class BodySizeLimitMiddleware:
    """Refuse a body of more than `max_bytes`, whether its length was announced or not."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        received = 0

        async def limited() -> Message:
            nonlocal received
            if not received:
                self._refuse_beyond_limit(_announced(scope))
            message = await receive()
            received += len(message.get("body", b""))
            self._refuse_beyond_limit(received)
            return message

        await self.app(scope, limited, send)

    def _refuse_beyond_limit(self, size: int) -> None:
        if size > self.max_bytes:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _announced(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length[:_LONGEST_LENGTH]) if length.isdecimal() else 0
