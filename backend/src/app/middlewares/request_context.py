"""Request ids and the access log."""

import re
import time
from typing import Final
from urllib.parse import quote
from uuid import uuid4

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.auth.tokens import mask_keys
from app.logging import start_query_counter

_CLIENT_CLOSED_REQUEST: Final = 499
"""nginx's status for a client that disconnected before the response."""
_MAX_LOGGED_PATH: Final = 200
_VALID_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)

log = structlog.get_logger("access")


class RequestContextMiddleware:
    """Assign each request an id (the client's if it is valid), return it, bind it to the log, write the access line.

    The line contains the public id of the client's API key if the endpoint has authenticated it, and the path if no
    route has it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _get_request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_with_request_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        started, counter = time.perf_counter(), start_query_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_request_id)
            finally:
                log.info(
                    "request",
                    method=scope["method"],
                    **_target(scope),
                    status=status or _CLIENT_CLOSED_REQUEST,
                    ms=round((time.perf_counter() - started) * 1000, 2),
                    queries=counter.queries,
                    **_client(scope),
                )


def _target(scope: Scope) -> dict[str, str | None]:
    """The route, whose path is a template; without one the start of the path, percent-encoded and without API keys."""
    route = getattr(scope.get("route"), "path", None)
    return (
        {"route": route}
        if route
        else {"route": None, "path": quote(mask_keys(scope["path"]), safe="/*")[:_MAX_LOGGED_PATH]}
    )


def _client(scope: Scope) -> dict[str, str]:
    client = scope["state"].get("client")
    return {"client": client} if client else {}


def _get_request_id(scope: Scope) -> str:
    value = Headers(scope=scope).get("x-request-id", "")
    return value if _VALID_REQUEST_ID.fullmatch(value) else uuid4().hex
