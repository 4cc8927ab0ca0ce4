"""The rate limit, its counters in memory, and its fallback when Redis is unavailable."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import Response

from app.auth.throttle import WindowCounter
from app.config import Settings
from app.db.session import Database
from app.middlewares.redis_store import RedisRateLimitStore
from devtools.ports import free_port
from tests.support.clients import build_app, build_client


class StubAuthenticator:
    """Has verified one API key."""

    def cached_client_id(self, presented: str) -> str | None:
        return "7f3c1e" if presented == "right" else None


@asynccontextmanager
async def limited(settings: Settings, database: Database, **changes: Any) -> AsyncIterator[tuple[FastAPI, Any]]:
    """An application with a rate limit, and a function that sends it a GET from an address."""
    app = build_app(database, settings.model_copy(update={"rate_limit": "3/hour"} | changes))

    async def get(path: str = "/deals", client: str = "192.0.2.1", **headers: str) -> Response:
        async with build_client(app, address=client) as http:
            return await http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    yield app, get


async def test_requests_beyond_the_quota_get_429(settings: Settings, database: Database) -> None:
    async with limited(settings, database) as (_, get):
        responses = [await get() for _ in range(3)] + [await get("/nothing")]
        assert [response.status_code for response in responses] == [200, 200, 200, 429]
        assert {response.headers["ratelimit-policy"] for response in responses} == {'"default";q=3;w=3600'}
        remaining = [response.headers["ratelimit"].partition(";t=")[0] for response in responses]
        assert remaining == ['"default";r=2', '"default";r=1', '"default";r=0', '"default";r=0']
        rejected = responses[-1]
        assert rejected.json()["error"]["code"] == "rate_limited"
        assert rejected.json()["error"]["request_id"] == rejected.headers["x-request-id"]
        assert 0 < int(rejected.headers["retry-after"]) <= 3600
        assert rejected.headers["ratelimit"].endswith(f";t={rejected.headers['retry-after']}")


async def test_quota_is_per_client_and_health_checks_are_exempt(settings: Settings, database: Database) -> None:
    async with limited(settings, database) as (app, get):
        for _ in range(4):
            last = await get(x_forwarded_for="203.0.113.9")
        assert last.status_code == 429
        assert [(await get(path)).status_code for path in ("/health", "/health/ready") * 4] == [200] * 8
        assert (await get(client="192.0.2.2", x_forwarded_for="192.0.2.1")).status_code == 200
        assert (await get(x_api_key="right")).status_code == 429, "API keys are disabled"
        app.state.authenticator = StubAuthenticator()
        assert [(await get(x_api_key=key)).status_code for key in ("right", "wrong")] == [200, 429]


async def test_ipv6_addresses_of_one_network_share_a_quota(settings: Settings, database: Database) -> None:
    async with limited(settings, database) as (_, get):
        responses = [await get(client=f"2001:db8::{n}") for n in range(4)]
        assert [response.status_code for response in responses] == [200, 200, 200, 429]
        assert (await get(client="2001:db8:0:1::1")).status_code == 200


async def test_ipv4_addresses_mapped_to_ipv6_have_a_quota_each(settings: Settings, database: Database) -> None:
    async with limited(settings, database) as (_, get):
        responses = [await get(client=f"::ffff:192.0.2.{n}") for n in range(5)]
        assert [response.status_code for response in responses] == [200] * 5


async def test_quota_is_restored_in_the_next_window(settings: Settings, database: Database) -> None:
    async with limited(settings, database, rate_limit="1/second") as (_, get):
        statuses = [(await get("/nothing")).status_code]
        deadline = time.monotonic() + 20
        while (429, 404) not in pairwise(statuses) and time.monotonic() < deadline:
            statuses.append((await get("/nothing")).status_code)
        assert (429, 404) in pairwise(statuses)


def test_counter_discards_the_previous_window() -> None:
    counter = WindowCounter()
    assert [counter.add("192.0.2.1", window=window) for window in (1, 1, 2)] == [1, 2, 1]
    assert counter.add("192.0.2.1", window=2, amount=-2) == 0


def test_counter_tracks_a_limited_number_of_clients() -> None:
    counter = WindowCounter(max_clients=3)
    assert [counter.add(client, window=1) for client in "abca"] == [1, 1, 1, 2]
    assert [counter.add(client, window=1) for client in "ada"] == [3, 1, 1], "the fourth client discards all counts"


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Accepts connections and never responds."""

    async def never_respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(never_respond, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def no_server() -> AsyncIterator[str]:
    yield f"redis://127.0.0.1:{free_port()}"


@pytest.mark.parametrize("redis", [silent_server, no_server])
async def test_unavailable_redis_delays_only_the_first_request(redis: type) -> None:
    """The timeout is 50 ms; the bound of 500 ms allows for a slow machine."""
    async with redis() as url:
        store = RedisRateLimitStore(url, window_seconds=3600)
        started = time.monotonic()
        assert await store.add("address:192.0.2.1", window=1) == 1
        first, started = time.monotonic() - started, time.monotonic()
        assert [await store.add("address:192.0.2.1", window=1) for _ in range(200)] == list(range(2, 202))
        others = time.monotonic() - started
        assert await store.add("address:192.0.2.2", window=1) == 1
        await store.close()
    assert first < 0.5
    assert others < 0.5, "one timeout for each would be 10 s"


async def test_requests_in_flight_when_redis_fails_wait_concurrently() -> None:
    async with silent_server() as url:
        store = RedisRateLimitStore(url, window_seconds=3600)
        started = time.monotonic()
        counts = await asyncio.gather(*(store.add(f"address:{n}", window=1) for n in range(100)))
        elapsed = time.monotonic() - started
        await store.close()
    assert counts == [1] * 100
    assert elapsed < 1
