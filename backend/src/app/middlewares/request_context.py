"""The id of a request and its line in the access log."""

import re
import time
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.logging import start_query_counter

_HUNG_UP: Final = 499
"""As nginx has it in its log: the client did not wait for an answer."""
_LONGEST_LENGTH: Final = 19
_SANE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)

log = structlog.get_logger("access")


class RequestContextMiddleware:
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

        started, tally = time.perf_counter(), start_query_counter()
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


def _client(scope: Scope) -> dict[str, str]:
    client = scope["state"].get("client")
    return {"client": client} if client else {}


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _SANE_ID.fullmatch(given) else uuid4().hex
