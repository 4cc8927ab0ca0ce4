"""Counting requests in Redis when it is not there: what it costs, and what is counted meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.middlewares.rate_limit_store import InMemoryRateLimitStore, RedisRateLimitStore
from tests.support.service_process import free_port


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """A server that accepts and never says anything."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def refused() -> AsyncIterator[str]:
    yield f"redis://127.0.0.1:{free_port()}"


@pytest.mark.parametrize("redis", [silent, refused])
async def test_only_the_first_request_waits_and_this_process_counts_on(redis: type) -> None:
    """Promised are 60 ms; a slow machine is given more, and what a default client takes is still seen."""
    async with redis() as url:
        counts = RedisRateLimitStore(url, seconds=3600)
        started = time.monotonic()
        assert await counts.add("address:192.0.2.1", window=1) == 1
        first, started = time.monotonic() - started, time.monotonic()
        assert [await counts.add("address:192.0.2.1", window=1) for _ in range(200)] == list(range(2, 202))
        rest = time.monotonic() - started
        assert await counts.add("address:192.0.2.2", window=1) == 1
        await counts.close()
    assert first < 0.5
    assert rest < 0.5  # one wait for each would be 10 s


async def test_all_that_are_under_way_wait_together() -> None:
    async with silent() as url:
        counts = RedisRateLimitStore(url, seconds=3600)
        started = time.monotonic()
        answers = await asyncio.gather(*(counts.add(f"address:{n}", window=1) for n in range(100)))
        took = time.monotonic() - started
        await counts.close()
    assert answers == [1] * 100
    assert took < 1


async def test_a_window_that_is_over_is_forgotten() -> None:
    counts = InMemoryRateLimitStore()
    for n in range(1000):
        await counts.add(f"address:{n}", window=1)
    assert await counts.add("address:0", window=2) == 1
    assert len(counts._counts) == 1


async def test_the_clients_of_a_window_are_bounded() -> None:
    counts = InMemoryRateLimitStore(most=3)
    for client in "abca":
        await counts.add(client, window=1)
    assert [await counts.add(client, window=1) for client in "ada"] == [3, 1, 1]
    assert len(counts._counts) == 2
