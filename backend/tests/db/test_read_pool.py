"""The pool of connections for reads: reuse, overflow, age, abandoned and stale connections."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import TypedDict

import asyncpg
import pytest
from sqlalchemy import func, select

from app.db.read_pool import ReadPool
from app.db.statements import CompiledStatement
from app.db.urls import libpq_url

SIZE = 3


class PidRow(TypedDict):
    pid: int


SELECT_PID = CompiledStatement[PidRow](select(func.pg_backend_pid().label("pid")))
OpenPool = Callable[[float | None], ReadPool]


@pytest.fixture
async def open_pool(own_url: str) -> AsyncIterator[OpenPool]:
    """Opens a pool with a maximum age of its connections in seconds."""
    pools: list[ReadPool] = []

    def open_(max_age: float | None) -> ReadPool:
        options = {"dsn": libpq_url(own_url)}
        pools.append(ReadPool(options, size=SIZE, acquire_timeout=0.1, max_age=max_age))
        return pools[-1]

    yield open_
    for pool in pools:
        await pool.close()


@pytest.fixture
def pool(open_pool: OpenPool) -> ReadPool:
    return open_pool(None)


async def get_pid(pool: ReadPool) -> int:
    return (await pool.fetch_all(SELECT_PID, {}))[0]["pid"]


async def acquire_together(pool: ReadPool, count: int) -> "list[asyncpg.Connection]":
    async with AsyncExitStack() as stack:
        return [await stack.enter_async_context(pool.connection()) for _ in range(count)]


async def test_reads_reuse_one_connection(pool: ReadPool) -> None:
    assert len({await get_pid(pool) for _ in range(5)}) == 1


async def test_connections_stay_open_after_a_peak(pool: ReadPool) -> None:
    connections = await acquire_together(pool, SIZE)
    assert not any(connection.is_closed() for connection in connections)
    assert set(await acquire_together(pool, SIZE)) == set(connections)


async def test_connection_that_the_server_has_closed_is_replaced(pool: ReadPool) -> None:
    is_closed = asyncio.Event()
    async with pool.connection() as connection:
        connection.add_termination_listener(lambda _: is_closed.set())
        await connection.execute("SET idle_session_timeout = 1")
    await is_closed.wait()
    assert await get_pid(pool)


async def test_read_fails_when_no_connection_is_free_in_time(pool: ReadPool) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(SIZE):
            await stack.enter_async_context(pool.connection())
        with pytest.raises(TimeoutError):
            await get_pid(pool)
    assert await get_pid(pool)


async def test_connection_in_a_transaction_is_not_reused(pool: ReadPool) -> None:
    async with pool.connection() as connection:
        await connection.execute("BEGIN")
    assert connection.is_closed()


async def test_connection_with_an_abandoned_statement_is_not_reused(pool: ReadPool) -> None:
    async def sleep_in_the_database() -> None:
        async with pool.connection() as connection:
            connections.append(connection)
            await connection.execute("SELECT pg_sleep(60)")

    connections: list[asyncpg.Connection] = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await sleep_in_the_database()
    assert connections[0].is_closed()


async def test_connection_is_replaced_at_its_maximum_age(open_pool: OpenPool) -> None:
    pool = open_pool(0)
    assert len({await get_pid(pool) for _ in range(3)}) == 3


async def test_all_idle_connections_are_replaced_when_a_statement_is_stale(own_url: str) -> None:
    """There are more connections with deallocated statements than attempts, as behind a pooler that restarts."""
    options = {"dsn": libpq_url(own_url)}
    pool = ReadPool(options, size=6, acquire_timeout=1, max_age=None)
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(pool.connection()) for _ in range(6)]
        for connection in connections:
            await connection.fetch(SELECT_PID.sql)
            await connection.execute("DEALLOCATE ALL")
    assert await get_pid(pool)
    await pool.close()


async def test_close_closes_the_idle_connections(pool: ReadPool) -> None:
    connections = await acquire_together(pool, SIZE)
    await pool.close()
    assert all(connection.is_closed() for connection in connections)
