"""The service with bugs that were planted: one so that there is a 500 to be answered, the others to be found."""

from typing import Final

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.dependencies import category_service
from app.main import create_app

_ERRORS: Final = 400
_FORGOTTEN: Final = b"price_max"


def create_crashing() -> FastAPI:
    """The service, but GET /categories crashes."""
    app = create_app()
    app.dependency_overrides[category_service] = _crash
    return app


def create_broken() -> ASGIApp:
    """The service, but DELETE does nothing, five stars are four, errors cut the connection, and price_max crashes."""
    return _Broken(create_crashing())


async def _crash() -> None:
    raise RuntimeError("a bug that was planted")


class _Broken:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 0

        async def changed(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            if message["type"] == "http.response.body":
                message["body"] = message["body"].replace(b'"star_rating":5', b'"star_rating":4')
            await send(message)

        if _FORGOTTEN in scope["query_string"]:
            await _crash()
        if scope["method"] == "DELETE":
            await _do_nothing(send)
            return
        await self.app(scope, receive, changed)
        if status >= _ERRORS:
            await _crash()  # as Starlette does after a 500: the server then closes the connection


async def _do_nothing(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
