"""A bound on the requests that the process works on at once."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import ServiceUnavailableError

_ALWAYS_ADMITTED: Final = frozenset({"/health", "/health/ready"})
_WITH_BODY: Final = frozenset({"POST", "PATCH"})


class ConcurrencyLimitMiddleware:
    """Turn a request away while `most` others are being worked on: what would only wait is answered at once.

    Connections on which nothing is asked do not count, nor a write whose body is still on its way, nor an answer that
    is ready and that its client is slow to read, nor the questions of operators.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self.app = app
        self._most = most
        self._in_work: set[object] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ALWAYS_ADMITTED:
            await self.app(scope, receive, send)
            return
        request = object()

        async def coming() -> Message:
            self._in_work.discard(request)
            message = await receive()
            self._admit(request)
            return message

        async def leaving(message: Message) -> None:
            self._in_work.discard(request)
            await send(message)

        self._admit(request)
        try:
            await self.app(scope, coming if scope["method"] in _WITH_BODY else receive, leaving)
        finally:
            self._in_work.discard(request)

    def _admit(self, request: object) -> None:
        if len(self._in_work) >= self._most:
            raise ServiceUnavailableError
        self._in_work.add(request)
