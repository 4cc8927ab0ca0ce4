"""Mutants for the experiments: one that can return a 500, and one with a bug for each of several experiments."""

from typing import Final

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.dependencies import get_category_queries
from app.main import create_app

_MIN_ERROR_STATUS: Final = 400
_CRASHING_PARAMETER: Final = b"price_max"


def create_crashing() -> FastAPI:
    """The service, except that GET /categories raises an exception."""
    app = create_app()
    app.dependency_overrides[get_category_queries] = _crash
    return app


def create_broken() -> ASGIApp:
    """DELETE does nothing, five stars become four, errors end the connection, and `price_max` raises an exception."""
    return _BrokenService(create_crashing())


async def _crash() -> None:
    raise RuntimeError("a deliberate bug")


class _BrokenService:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def send_modified(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            if message["type"] == "http.response.body":
                message["body"] = message["body"].replace(b'"star_rating":5', b'"star_rating":4')
            await send(message)

        if _CRASHING_PARAMETER in scope["query_string"]:
            await _crash()
        if scope["method"] == "DELETE":
            await _respond_204(send)
            return
        await self._app(scope, receive, send_modified)
        if status >= _MIN_ERROR_STATUS:
            await _crash()  # as Starlette does after a 500: the server then closes the connection


async def _respond_204(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
