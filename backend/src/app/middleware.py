"""Around every request, in pure ASGI: an id, one access line, an answer whatever happens, a bound on the body."""

import re
import time
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import AppError
from app.logging import begin_tally
from app.rendering import render

_HUNG_UP: Final = 499
"""As nginx has it in its log: the client did not wait for an answer."""
_LONGEST_LENGTH: Final = 19
_SANE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)

log = structlog.get_logger("access")


class RequestContext:
    """Give each request an id (the client's if sane), echo it, bind it to the log, and write the access line.

    The line names the client by its key's public id, where one was asked for.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        started, tally = time.perf_counter(), begin_tally()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self.app(scope, receive, tagged)
            log.info(
                "request",
                method=scope["method"],
                route=getattr(scope.get("route"), "path", None),
                status=status or _HUNG_UP,
                ms=round((time.perf_counter() - started) * 1000, 2),
                queries=tally.queries,
                **_client(scope),
            )


class LastResort:
    """Turn what was raised and not answered within into an answer: ours as it says, all else a 500.

    It goes no further, so the server keeps the connection alive.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            return  # in the middle of its body; nobody is there to be answered
        except Exception as error:
            ours = error if isinstance(error, AppError) else AppError()
            if ours is not error:
                log.exception("unhandled_error")
            if started:
                raise
            await render(ours, scope["state"]["request_id"])(scope, receive, send)


class BodyLimit:
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


def _client(scope: Scope) -> dict[str, str]:
    client = scope["state"].get("client")
    return {"client": client} if client else {}


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _SANE_ID.fullmatch(given) else uuid4().hex
