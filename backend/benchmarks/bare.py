"""The control: a bare ASGI handler, asyncpg and orjson, doing what the answers need and nothing else.

No validation, no other filters and fields than the benchmark's, no request ids, no log: a lower bound, not a service.
"""

import os
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs

import asyncpg
import orjson
from starlette.types import Receive, Scope, Send

from app.db.urls import libpq_url
from benchmarks import bare_sql

CONNECTIONS: Final = 16

_HOTEL: Final = ("name", "city", "country", "phone", "avg_star_rating")
_DEAL: Final = (
    "id",
    "external_id",
    "room_type",
    "star_rating",
    "price_per_night",
    "original_price",
    "discount_percent",
    "checkin_date",
    "checkout_date",
    "is_available",
    "categories",
    "version",
    "created_at",
    "updated_at",
)
_SENT: Final = ("hotel_id", "room_type", "star_rating")
_DATES: Final = ("checkin_date", "checkout_date")


class Bare:
    """The ASGI application; its pool lasts from startup to shutdown."""

    def __init__(self) -> None:
        self._pool: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            status, answer = await self._answer(scope, receive)
            await _send(send, status, orjson.dumps(answer, option=orjson.OPT_UTC_Z))
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._pool = await asyncpg.create_pool(libpq_url(os.environ["DATABASE_URL"]), max_size=CONNECTIONS, min_size=0)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, object]:
        path: str = scope["path"]
        match scope["method"], path.removeprefix("/deals"):
            case "GET", "":
                return await self._page(scope["query_string"])
            case "GET", "/stats":
                return 200, [dict(row) for row in await self._pool.fetch(bare_sql.STATS)]
            case "GET", key:
                return _one(200, await self._pool.fetchrow(bare_sql.DETAIL, int(key[1:])), otherwise=404)
            case "POST", "":
                return await self._create(orjson.loads(await _body(receive)))
            case "PATCH", key:
                return await self._change(int(key[1:]), orjson.loads(await _body(receive)))
        return 404, None

    async def _page(self, query: bytes) -> tuple[int, object]:
        if query:
            given = {name: values[0] for name, values in parse_qs(query.decode()).items()}
            prices = Decimal(given["price_min"]), Decimal(given["price_max"])
            rows = await self._pool.fetch(bare_sql.FILTERED, given["city"], int(given["min_stars"]), *prices)
        else:
            rows = await self._pool.fetch(bare_sql.LIST)
        items = [_deal(row) for row in rows if row["id"] is not None]
        return 200, {"items": items, "total": rows[0]["total"], "skip": 0, "limit": 20}

    async def _create(self, new: dict[str, Any]) -> tuple[int, object]:
        values = [new[name] for name in _SENT]
        prices = [Decimal(str(new[name])) for name in ("price_per_night", "original_price")]
        stay = [date.fromisoformat(new[name]) for name in _DATES]
        arguments = (*values, *prices, new["discount_percent"], *stay, new["categories"])
        return _one(201, await self._pool.fetchrow(bare_sql.CREATE, *arguments), otherwise=404)

    async def _change(self, key: int, sent: dict[str, Any]) -> tuple[int, object]:
        price = Decimal(str(sent["price_per_night"]))
        return _one(200, await self._pool.fetchrow(bare_sql.CHANGE, key, sent["version"], price), otherwise=409)


def create_app() -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    return Bare()


def _deal(row: Any) -> dict[str, Any]:  # noqa: ANN401  asyncpg has no types
    deal = {name: row[name] for name in _DEAL}
    deal["hotel"] = {"id": row["hotel_id"], **{name: row[name] for name in _HOTEL}}
    return deal


def _one(status: int, row: Any, *, otherwise: int) -> tuple[int, object]:  # noqa: ANN401  asyncpg has no types
    return (otherwise, None) if row is None else (status, _deal(row))


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    return body


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
