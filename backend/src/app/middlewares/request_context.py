"""Request ids and the access log."""

import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.auth.tokens import mask_keys
from app.observability.requests import RequestFacts, start_request

_INTERNAL_SERVER_ERROR: Final = 500
_CLIENT_CLOSED_REQUEST: Final = 499
"""nginx's status for a client that disconnected before the response."""
_PROBES: Final = frozenset({"/health", "/health/ready"})
_MAX_PATH_LENGTH: Final = 200
_VALID_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)

log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger("access")


class RequestContextMiddleware:
    """Assign each request an id (the client's if it is valid), return it, bind it to the log, write the access line.

    The line contains the public id of the client's API key if the endpoint has authenticated it.
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

        started, facts = time.perf_counter(), start_request()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_request_id)
            finally:
                write = _get_log_method(scope["path"], status)
                write(
                    "request",
                    method=scope["method"],
                    path=format_path(scope["path"]),
                    route=getattr(scope.get("route"), "path", None),
                    status=status or _CLIENT_CLOSED_REQUEST,
                    ms=round((time.perf_counter() - started) * 1000, 2),
                    queries=facts.queries,
                    **_get_optional_fields(scope, facts),
                )


def _get_log_method(path: str, status: int) -> Callable[..., object]:
    """Probes are DEBUG, errors of the service ERROR, all other requests INFO: clients cause 4xx."""
    if path in _PROBES:
        return log.debug
    return log.error if status >= _INTERNAL_SERVER_ERROR else log.info


def _get_optional_fields(scope: Scope, facts: RequestFacts) -> dict[str, Any]:
    fields = {
        "address": scope["client"] and scope["client"][0],
        "client": scope["state"].get("client"),
        "code": facts.code,
        "cause": facts.cause,
    }
    return {name: value for name, value in fields.items() if value}


def format_path(path: str) -> str:
    """The start of the path, percent-encoded and without API keys."""
    return _encode_short(path) if len(path) <= _MAX_PATH_LENGTH else _encode(path)


def _encode(path: str) -> str:
    return quote(mask_keys(path), safe="/*")[:_MAX_PATH_LENGTH]


_encode_short: Final = lru_cache(maxsize=256)(_encode)
"""For paths with a bounded length: clients choose them, and the cache refers to them."""


def _get_request_id(scope: Scope) -> str:
    value = Headers(scope=scope).get("x-request-id", "")
    return value if _VALID_REQUEST_ID.fullmatch(value) else uuid4().hex
