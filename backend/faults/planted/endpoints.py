"""Bugs in the endpoints that write, each with statements of its own: the service's leave no room for them."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import asyncpg
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_INSERT: Final = """
    INSERT INTO deals (hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
                       checkin_date, checkout_date)
    VALUES ($1, $2, $3, $4, 99999999, 0, '2026-03-01', '2026-03-04')
    RETURNING id, version, room_type, price_per_night
"""
_UPDATE: Final = """
    UPDATE deals SET room_type = $2, price_per_night = $3, version = version + 1
    WHERE id = $1 RETURNING id, version, room_type, price_per_night
"""
_PAUSE: Final = 0.05
"""Seconds that make a race certain which would be likely without."""

Endpoint = Callable[[Request], Awaitable[Response]]


def committed_after_the_answer(service: ASGIApp) -> ASGIApp:
    """What the exit code of a request-scope dependency does: it runs when the answer is already on its way."""

    async def create(request: Request) -> Response:
        database, transaction = await _begun()
        answer = await _inserted(database, request)

        async def commit() -> None:
            await asyncio.sleep(_PAUSE)
            await transaction.commit()
            await database.close()

        answer.background = BackgroundTask(commit)
        return answer

    return _Instead(service, "POST", create)


def acknowledged_but_rolled_back(service: ASGIApp) -> ASGIApp:
    """What a session does that is closed and was never committed."""

    async def create(request: Request) -> Response:
        database, transaction = await _begun()
        answer = await _inserted(database, request)
        await transaction.rollback()
        await database.close()
        return answer

    return _Instead(service, "POST", create)


def version_checked_in_python(service: ASGIApp) -> ASGIApp:
    """Read, compare, and update by the id alone."""

    async def change(request: Request) -> Response:
        body, key = await request.json(), int(request.url.path.rpartition("/")[2])
        async with _connection() as database:
            version = await database.fetchval("SELECT version FROM deals WHERE id = $1", key)
            if version is None or body.get("version", version) != version:
                return _refusal(404 if version is None else 409)
            await asyncio.sleep(_PAUSE)
            row = await database.fetchrow(_UPDATE, key, body["room_type"], Decimal(str(body["price_per_night"])))
            return _refusal(404) if row is None else _shown(row, 200)

    return _Instead(service, "PATCH", change)


class _Instead:
    """The service, but for one method."""

    def __init__(self, service: ASGIApp, method: str, endpoint: Endpoint) -> None:
        self._service = service
        self._method = method
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != self._method:
            await self._service(scope, receive, send)
            return
        answer = await self._endpoint(Request(scope, receive))
        await answer(scope, receive, send)


@asynccontextmanager
async def _connection() -> AsyncIterator[Any]:
    database = await asyncpg.connect(os.environ["DATABASE_URL"])
    try:
        yield database
    finally:
        await database.close()


async def _begun() -> tuple[Any, Any]:
    database = await asyncpg.connect(os.environ["DATABASE_URL"])
    transaction = database.transaction()
    await transaction.start()
    return database, transaction


async def _inserted(database: Any, request: Request) -> Response:  # noqa: ANN401  asyncpg has no types
    body = await request.json()
    price = Decimal(str(body["price_per_night"]))
    row = await database.fetchrow(_INSERT, body["hotel_id"], body["room_type"], body["star_rating"], price)
    return _shown(row, 201)


def _shown(row: Any, status: int) -> Response:  # noqa: ANN401  asyncpg has no types
    return JSONResponse({**row, "price_per_night": float(row["price_per_night"])}, status)


def _refusal(status: int) -> Response:
    error = {"code": "refused", "message": "It does not fit.", "request_id": "planted"}
    return JSONResponse({"error": error}, status)
