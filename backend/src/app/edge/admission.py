"""A bound on the requests that the process works on at once."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import ServiceUnavailableError

_ALWAYS_ADMITTED: Final = frozenset({"/health", "/health/ready"})


class Admission:
    """Turn a request away while `most` others are being worked on: what would only wait is answered at once.

    Connections on which nothing is asked do not count, nor a request whose body is still on its way, nor the questions
    of operators.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self.app = app
        self._most = most
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ALWAYS_ADMITTED:
            await self.app(scope, receive, send)
            return
        if self._in_flight >= self._most:
            raise ServiceUnavailableError
        whole = False

        async def uncounted() -> Message:
            nonlocal whole
            if whole:
                return await receive()
            self._in_flight -= 1
            try:
                message = await receive()
            finally:
                self._in_flight += 1
            whole = not message.get("more_body", False)
            if self._in_flight > self._most:
                raise ServiceUnavailableError
            return message

        self._in_flight += 1
        try:
            await self.app(scope, uncounted, send)
        finally:
            self._in_flight -= 1
