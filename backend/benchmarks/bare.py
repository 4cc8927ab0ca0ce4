"""The lower bound: a bare ASGI handler with asyncpg and orjson that does only the work the responses need.

Its statements use the rollups, as the service does. No validation, no other filters or fields than the benchmark's, no
request ids, no log.
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

from app.db.urls import asyncpg_arguments

CONNECTIONS: Final = 16

_HOTEL_FIELDS: Final = ("name", "city", "country", "phone", "avg_star_rating")
_DEAL_FIELDS: Final = (
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

_DEAL_COLUMNS: Final = """
    deal.id, deal.external_id, deal.room_type, deal.star_rating, deal.price_per_night::float8,
    deal.original_price::float8, deal.discount_percent, deal.checkin_date, deal.checkout_date, deal.is_available,
    deal.version, deal.created_at, deal.updated_at,
    hotels.id AS hotel_id, hotels.name, hotels.city, hotels.country, hotels.phone
"""
_CATEGORIES: Final = """
    ARRAY(
        SELECT categories.name
        FROM deal_categories JOIN categories ON categories.id = deal_categories.category_id
        WHERE deal_categories.deal_id = deal.id
        ORDER BY categories.name
    ) AS categories
"""
_AVERAGE: Final = """
    (
        SELECT round(sum(star_rating * deal_count) / nullif(sum(deal_count), 0), 2)
        FROM deal_rollup
        WHERE deal_rollup.hotel_id = hotels.id
    )::float8 AS avg_star_rating
"""
_COLUMNS: Final = f"{_DEAL_COLUMNS}, {_CATEGORIES}, {_AVERAGE}"
_JOIN_HOTELS: Final = "JOIN hotels ON hotels.id = deal.hotel_id"
_MATCH: Final = """
    WHERE hotel_id IN (SELECT hotels.id FROM hotels WHERE upper(lower(city)) = upper(lower($1)))
        AND star_rating >= $2 AND price_per_night BETWEEN $3 AND $4
"""


def _page_statement(condition: str, count: str) -> str:
    # LIMIT is a literal: with a parameter PostgreSQL would plan every execution.
    return f"""
        WITH deal AS (SELECT * FROM deals {condition} ORDER BY id LIMIT 20)
        SELECT {_COLUMNS}, total.total
        FROM ({count}) AS total LEFT JOIN (deal {_JOIN_HOTELS}) ON true
        ORDER BY deal.id
    """  # noqa: S608  only constants of this file


_LIST: Final = _page_statement("", "SELECT sum(deal_count)::bigint AS total FROM deal_rollup")
_FILTERED: Final = _page_statement(_MATCH, f"SELECT count(*) AS total FROM deals {_MATCH}")  # noqa: S608  only constants of this file
"""$1 city, $2 minimum stars, $3 and $4 minimum and maximum price."""

_DETAIL: Final = f"SELECT {_COLUMNS} FROM deals AS deal {_JOIN_HOTELS} WHERE deal.id = $1"  # noqa: S608  only constants of this file

_STATS: Final = """
    SELECT
        min(city) AS city, round(sum(price_sum) / sum(deal_count), 2)::float8 AS avg_price,
        sum(deal_count)::bigint AS deal_count
    FROM deal_rollup JOIN hotels ON hotels.id = hotel_id
    WHERE is_available
    GROUP BY upper(lower(city))
    HAVING sum(deal_count) > 0
    ORDER BY sum(deal_count) DESC, upper(lower(city))
"""

_CREATE: Final = f"""
    WITH deal AS (
        INSERT INTO deals (
            hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
            checkin_date, checkout_date
        )
        SELECT id, $2, $3::smallint, $4, $5, $6::smallint, $7, $8 FROM hotels WHERE id = $1
        RETURNING *
    ), linked AS (
        INSERT INTO deal_categories (deal_id, category_id)
        SELECT deal.id, categories.id
        FROM deal, categories
        WHERE upper(lower(categories.name)) IN (SELECT upper(lower(name)) FROM unnest($9::text[]) AS wanted (name))
        RETURNING category_id
    )
    SELECT {_DEAL_COLUMNS},
        ARRAY(SELECT name FROM linked JOIN categories ON categories.id = category_id ORDER BY name) AS categories,
        (
            SELECT round(
                (coalesce(sum(star_rating * deal_count), 0) + deal.star_rating) / (coalesce(sum(deal_count), 0) + 1), 2
            )
            FROM deal_rollup
            WHERE deal_rollup.hotel_id = deal.hotel_id
        )::float8 AS avg_star_rating
    FROM deal {_JOIN_HOTELS}
"""  # noqa: S608  only constants of this file
"""$1 hotel, $2 to $8 the columns, $9 names of existing categories. No row if the hotel does not exist."""

_UPDATE: Final = f"""
    WITH deal AS (
        UPDATE deals
        SET price_per_night = $3, version = version + 1, updated_at = now()
        WHERE id = $1 AND version = $2
        RETURNING *
    )
    SELECT {_COLUMNS} FROM deal {_JOIN_HOTELS}
"""  # noqa: S608  only constants of this file
"""$1 deal, $2 its version, $3 the price. No row if the deal does not exist or has another version."""


class BareApp:
    """The ASGI application. Its pool lives from startup to shutdown."""

    def __init__(self) -> None:
        self._pool: asyncpg.Pool[asyncpg.Record]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            status, content = await self._handle(scope, receive)
            await _send(send, status, orjson.dumps(content, option=orjson.OPT_UTC_Z))
        elif scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._pool = await asyncpg.create_pool(
            **asyncpg_arguments(os.environ["DATABASE_URL"]), max_size=CONNECTIONS, min_size=0
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _handle(self, scope: Scope, receive: Receive) -> tuple[int, object]:
        path: str = scope["path"]
        match scope["method"], path.removeprefix("/deals"):
            case "GET", "":
                return await self._list_deals(scope["query_string"])
            case "GET", "/stats":
                return 200, [dict(row) for row in await self._pool.fetch(_STATS)]
            case "GET", deal_id:
                row = await self._pool.fetchrow(_DETAIL, int(deal_id[1:]))
                return (404, None) if row is None else (200, _to_deal(row))
            case "POST", "":
                return await self._create_deal(orjson.loads(await _read_body(receive)))
            case "PATCH", deal_id:
                return await self._update_deal(int(deal_id[1:]), orjson.loads(await _read_body(receive)))
        return 404, None

    async def _list_deals(self, query: bytes) -> tuple[int, object]:
        if query:
            filters = {name: values[0] for name, values in parse_qs(query.decode()).items()}
            prices = Decimal(filters["price_min"]), Decimal(filters["price_max"])
            rows = await self._pool.fetch(_FILTERED, filters["city"], int(filters["min_stars"]), *prices)
        else:
            rows = await self._pool.fetch(_LIST)
        items = [_to_deal(row) for row in rows if row["id"] is not None]
        return 200, {"items": items, "total": rows[0]["total"], "skip": 0, "limit": 20}

    async def _create_deal(self, body: dict[str, Any]) -> tuple[int, object]:
        values = [body[name] for name in ("hotel_id", "room_type", "star_rating")]
        prices = [Decimal(str(body[name])) for name in ("price_per_night", "original_price")]
        stay = [date.fromisoformat(body[name]) for name in ("checkin_date", "checkout_date")]
        arguments = (*values, *prices, body["discount_percent"], *stay, body["categories"])
        row = await self._pool.fetchrow(_CREATE, *arguments)
        return (404, None) if row is None else (201, _to_deal(row))

    async def _update_deal(self, deal_id: int, body: dict[str, Any]) -> tuple[int, object]:
        price = Decimal(str(body["price_per_night"]))
        row = await self._pool.fetchrow(_UPDATE, deal_id, body["version"], price)
        return (409, None) if row is None else (200, _to_deal(row))


def create_app() -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    return BareApp()


def _to_deal(row: asyncpg.Record) -> dict[str, Any]:
    deal = {name: row[name] for name in _DEAL_FIELDS}
    deal["hotel"] = {"id": row["hotel_id"], **{name: row[name] for name in _HOTEL_FIELDS}}
    return deal


async def _read_body(receive: Receive) -> bytes:
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
