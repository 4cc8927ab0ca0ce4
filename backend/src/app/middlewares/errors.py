"""Convert unhandled exceptions to error responses."""

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import render
from app.errors import AppError

log = structlog.get_logger("errors")


class CatchAllErrorMiddleware:
    """Render an AppError raised by a middleware, and log any other exception and render it as 500.

    The exception is not re-raised, so the server keeps the connection open. Only after the response has started is it
    re-raised, and the server closes the connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def track_start(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, track_start)
        except ClientDisconnect:
            return  # the client disconnected while sending its body; nobody would receive a response
        except Exception as error:
            app_error = error if isinstance(error, AppError) else AppError()
            if app_error is not error:
                log.exception("unhandled_error")
            if started:
                raise
            await render(app_error, scope["state"]["request_id"])(scope, receive, send)
