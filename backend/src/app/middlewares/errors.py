"""Convert exceptions that nothing handled into error responses."""

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import render
from app.errors import AppError

log = structlog.get_logger("errors")


class CatchAllErrorMiddleware:
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
