"""Mutants of the writing endpoints, each with its own SQL, since the service's transactions rule these bugs out."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Final

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
_RACE_WINDOW_SECONDS: Final = 0.05
"""Makes a likely race certain."""

Endpoint = Callable[[Request], Awaitable[Response]]


def commit_after_response(service: ASGIApp) -> ASGIApp:
    """Commit once the response has been sent, as the exit code of a request-scoped dependency does."""

    async def create(request: Request) -> Response:
        database = await asyncpg.connect(os.environ["DATABASE_URL"])
        transaction = database.transaction()
        await transaction.start()
        response = await _insert(database, request)

        async def commit() -> None:
            await asyncio.sleep(_RACE_WINDOW_SECONDS)
            await transaction.commit()
            await database.close()

        response.background = BackgroundTask(commit)
        return response

    return _ReplacedMethod(service, "POST", create)


def acknowledge_then_roll_back(service: ASGIApp) -> ASGIApp:
    """Forget the commit, as a session that is only closed does."""

    async def create(request: Request) -> Response:
        async with _connect() as database:
            transaction = database.transaction()
            await transaction.start()
            response = await _insert(database, request)
            await transaction.rollback()
            return response

    return _ReplacedMethod(service, "POST", create)


def check_version_in_python(service: ASGIApp) -> ASGIApp:
    """Read the version, compare it, and update by id only."""

    async def update(request: Request) -> Response:
        body, deal_id = await request.json(), int(request.url.path.rpartition("/")[2])
        async with _connect() as database:
            version = await database.fetchval("SELECT version FROM deals WHERE id = $1", deal_id)
            if version is None or body.get("version", version) != version:
                return _error(404 if version is None else 409)
            await asyncio.sleep(_RACE_WINDOW_SECONDS)
            row = await database.fetchrow(_UPDATE, deal_id, body["room_type"], Decimal(str(body["price_per_night"])))
            return _error(404) if row is None else _deal(row, 200)

    return _ReplacedMethod(service, "PATCH", update)


class _ReplacedMethod:
    """The service with another endpoint for one HTTP method."""

    def __init__(self, service: ASGIApp, method: str, endpoint: Endpoint) -> None:
        self._service = service
        self._method = method
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != self._method:
            await self._service(scope, receive, send)
            return
        response = await self._endpoint(Request(scope, receive))
        await response(scope, receive, send)


@asynccontextmanager
async def _connect() -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    database = await asyncpg.connect(os.environ["DATABASE_URL"])
    try:
        yield database
    finally:
        await database.close()


async def _insert(database: "asyncpg.Connection[asyncpg.Record]", request: Request) -> Response:
    body = await request.json()
    price = Decimal(str(body["price_per_night"]))
    (row,) = await database.fetch(_INSERT, body["hotel_id"], body["room_type"], body["star_rating"], price)
    return _deal(row, 201)


def _deal(row: asyncpg.Record, status: int) -> Response:
    return JSONResponse({**row, "price_per_night": float(row["price_per_night"])}, status)


def _error(status: int) -> Response:
    error = {"code": "rejected", "message": "The mutant rejects the request.", "request_id": "mutant"}
    return JSONResponse({"error": error}, status)
