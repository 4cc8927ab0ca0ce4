"""Limit the number of requests in flight in this process."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import ServiceUnavailableError
from app.observability.requests import set_cause

_EXEMPT_PATHS: Final = frozenset({"/health", "/health/ready"})
_METHODS_WITH_BODY: Final = frozenset({"POST", "PATCH"})


class ConcurrencyLimitMiddleware:
    """Reject requests with 503 while `limit` others are in flight, instead of queueing them.

    A request is in flight while the application works on it. Idle connections, incomplete request bodies, responses
    that a client is slow to read, and health checks do not count.
    """

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self.app = app
        self._limit = limit
        self._in_flight: set[object] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _EXEMPT_PATHS:
            await self.app(scope, receive, send)
            return
        request = object()

        async def receive_body() -> Message:
            self._in_flight.discard(request)
            message = await receive()
            self._admit(request)
            return message

        async def send_response(message: Message) -> None:
            self._in_flight.discard(request)
            await send(message)

        self._admit(request)
        try:
            has_body = scope["method"] in _METHODS_WITH_BODY
            await self.app(scope, receive_body if has_body else receive, send_response)
        finally:
            self._in_flight.discard(request)

    def _admit(self, request: object) -> None:
        if len(self._in_flight) >= self._limit:
            set_cause("concurrency_limit")
            raise ServiceUnavailableError
        self._in_flight.add(request)
