"""Statements, transactions and connections of a request, as PostgreSQL receives them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
from asyncpg import Connection
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import Integer, bindparam, func, select
from sqlalchemy.exc import DBAPIError

from app.config import Settings
from app.db.read_pool import ReadPool
from app.db.session import ConnectedDatabase, transaction
from app.db.statements import CompiledStatement, get_driver_connection, literal_int
from app.models import Hotel
from tests.factories import DealFactory, HotelFactory

SELECT_ONE: CompiledStatement[dict[str, Any]] = CompiledStatement(select(literal_int(1).label("one")))


@pytest.fixture
async def single_connection_database(own_url: str, settings: Settings) -> AsyncIterator[ConnectedDatabase]:
    """A database whose pool has a single connection."""
    single = settings.model_copy(update={"database_pool_size": 1, "database_pool_max_overflow": 0})
    database = ConnectedDatabase.connect(own_url, single)
    yield database
    await database.close()


async def get_pooled_connection(read_pool: ReadPool) -> "Connection[Any]":
    """The driver's connection that the pool's next statement will use."""
    async with read_pool.connection() as connection:
        return connection


@contextmanager
def record_statements(driver: Any) -> Iterator[list[str]]:
    """Record the statements sent on the connection, BEGIN and COMMIT included."""
    sent: list[str] = []
    with driver.query_logger(lambda record: sent.append(record.query)):
        yield sent


@pytest.mark.parametrize(
    "path",
    [
        "/deals",
        "/deals?limit=1",
        "/deals?limit=100&skip=1&city=Toronto&category=luxury&sort=-price_per_night",
        "/deals?count=none",
        "/deals/{id}",
        "/deals/stats",
        "/deals/stats?price_min=1",
        "/hotels?sort=min_price",
        "/hotels/{hotel_id}",
        "/categories",
    ],
)
async def test_read_is_one_statement_outside_a_transaction(
    client: AsyncClient, app: FastAPI, single_connection_database: ConnectedDatabase, path: str
) -> None:
    async with single_connection_database.sessions.begin() as session:
        deal = DealFactory.build()
        session.add(deal)
    app.state.database = single_connection_database
    path = path.format(id=deal.id, hotel_id=deal.hotel_id)
    await client.get(path)
    with record_statements(await get_pooled_connection(single_connection_database.read_pool)) as sent:
        response = await client.get(path)
    await single_connection_database.reads.fetch_all(SELECT_ONE, {})  # the driver logs a statement with a delay
    assert response.status_code == 200
    assert len(sent) == 1
    assert sent[0].startswith(("SELECT", "WITH"))


async def test_patch_deal_is_one_transaction(
    client: AsyncClient, app: FastAPI, single_connection_database: ConnectedDatabase
) -> None:
    async with single_connection_database.sessions.begin() as session:
        deal = DealFactory.build()
        session.add(deal)
    app.state.database = single_connection_database
    async with single_connection_database.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
    with record_statements(driver) as sent:
        response = await client.patch(f"/deals/{deal.id}", json={"star_rating": 1, "categories": ["luxury"]})
    async with single_connection_database.sessions() as session:
        await session.execute(select(1))  # the driver logs a statement with a delay
    assert response.status_code == 200
    assert (sent[0], sent[-1]) == ("BEGIN;", "COMMIT;")
    assert not [statement for statement in sent[1:-1] if statement.startswith(("BEGIN", "COMMIT", "SAVEPOINT"))]


async def test_failed_transaction_is_rolled_back(single_connection_database: ConnectedDatabase) -> None:
    async def insert_and_fail() -> None:
        async with transaction(single_connection_database.sessions) as session:
            session.add(HotelFactory.build())
            await session.flush()
            await session.execute(select(literal_int(1) / literal_int(0)))

    with pytest.raises(DBAPIError, match="division by zero"):
        await insert_and_fail()
    async with transaction(single_connection_database.sessions) as session:
        assert await session.scalar(select(func.count()).select_from(Hotel)) == 0


async def _terminate_other_sessions(url: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


async def test_connections_closed_by_the_server_are_replaced_before_use(
    client: AsyncClient, app: FastAPI, single_connection_database: ConnectedDatabase, own_url: str
) -> None:
    async with single_connection_database.sessions.begin() as session:
        deal = DealFactory.build()
        session.add(deal)
    app.state.database = single_connection_database
    for request in (client.get(f"/deals/{deal.id}"), client.patch(f"/deals/{deal.id}", json={"star_rating": 1})):
        await _terminate_other_sessions(own_url)
        assert (await request).status_code == 200


async def test_read_is_retried_when_its_connection_is_closed(single_connection_database: ConnectedDatabase) -> None:
    """The driver has not noticed yet that the connection is closed."""
    driver = await get_pooled_connection(single_connection_database.read_pool)
    end = CompiledStatement[dict[str, Any]](
        select(func.pg_terminate_backend(bindparam("pid", type_=Integer)).label("ended"))
    )
    pid = driver.get_server_pid()
    assert await single_connection_database.reads.fetch_all(end, {"pid": pid}) == [{"ended": False}]


async def test_connection_left_in_a_transaction_is_not_reused(single_connection_database: ConnectedDatabase) -> None:
    engine = single_connection_database.engine
    async with engine.connect() as connection:
        abandoned = (await connection.get_raw_connection()).driver_connection
        assert abandoned is not None
        await abandoned.execute("BEGIN")
        await connection.invalidate()
    async with transaction(single_connection_database.sessions) as session:
        driver = await get_driver_connection(session)
        assert driver is not abandoned
        assert not driver.is_in_transaction()
