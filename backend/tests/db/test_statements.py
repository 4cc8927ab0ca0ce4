"""Statements, transactions and connections of a request, as PostgreSQL receives them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import Integer, bindparam, func, select

from app.config import Settings
from app.db.statements import CompiledStatement, literal_int
from app.db.transaction import Transaction
from tests.factories import DealFactory
from tests.support.databases import OpenDatabase

SELECT_ONE: CompiledStatement[dict[str, int]] = CompiledStatement(select(literal_int(1).label("one")))


@pytest.fixture
async def single_connection_database(own_url: str, settings: Settings) -> AsyncIterator[OpenDatabase]:
    """A database with a pool of a single connection."""
    single = settings.model_copy(update={"database_pool_size": 1, "database_pool_max_overflow": 0})
    database = OpenDatabase.connect(own_url, single)
    yield database
    await database.close()


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
    client: AsyncClient, app: FastAPI, single_connection_database: OpenDatabase, path: str
) -> None:
    async with single_connection_database.sessions.begin() as session:
        deal = DealFactory.build()
        session.add(deal)
    app.state.database = single_connection_database
    path = path.format(id=deal.id, hotel_id=deal.hotel_id)
    await client.get(path)
    async with single_connection_database.lender.connection() as driver:
        pass
    with record_statements(driver) as sent:
        response = await client.get(path)
    await single_connection_database.reader.fetch_all(SELECT_ONE, {})  # the driver logs a statement with a delay
    assert response.status_code == 200
    assert len(sent) == 1
    assert sent[0].startswith(("SELECT", "WITH"))


async def test_patch_deal_is_one_transaction(
    client: AsyncClient, app: FastAPI, single_connection_database: OpenDatabase
) -> None:
    async with single_connection_database.sessions.begin() as session:
        deal = DealFactory.build()
        session.add(deal)
    app.state.database = single_connection_database
    async with single_connection_database.lender.connection() as driver:
        pass
    with record_statements(driver) as sent:
        response = await client.patch(f"/deals/{deal.id}", json={"star_rating": 1, "categories": ["luxury"]})
    await single_connection_database.reader.fetch_all(SELECT_ONE, {})
    assert response.status_code == 200
    assert (sent[0], sent[-1]) == ("BEGIN;", "COMMIT;")
    assert not [statement for statement in sent[1:-1] if statement.startswith(("BEGIN", "COMMIT", "SAVEPOINT"))]


async def test_failed_transaction_is_rolled_back(single_connection_database: OpenDatabase) -> None:
    update = CompiledStatement[dict[str, int]](select(literal_int(1) / literal_int(0)))
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with Transaction.on(single_connection_database.lender) as transaction:
            await transaction.fetch_all(update, {})
    assert await single_connection_database.reader.fetch_all(SELECT_ONE, {}) == [{"one": 1}]


async def _terminate_other_sessions(url: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


async def test_connections_closed_by_the_server_are_replaced_before_use(
    client: AsyncClient, app: FastAPI, single_connection_database: OpenDatabase, own_url: str
) -> None:
    async with single_connection_database.sessions.begin() as session:
        deal = DealFactory.build()
        session.add(deal)
    app.state.database = single_connection_database
    for request in (client.get(f"/deals/{deal.id}"), client.patch(f"/deals/{deal.id}", json={"star_rating": 1})):
        await _terminate_other_sessions(own_url)
        assert (await request).status_code == 200


async def test_read_is_retried_when_its_connection_is_closed(single_connection_database: OpenDatabase) -> None:
    """The driver has not noticed yet that the connection is closed."""
    async with single_connection_database.lender.connection() as driver:
        pid = driver.get_server_pid()
    end = CompiledStatement[dict[str, bool]](
        select(func.pg_terminate_backend(bindparam("pid", type_=Integer)).label("ended"))
    )
    assert await single_connection_database.reader.fetch_all(end, {"pid": pid}) == [{"ended": False}]


async def test_connection_left_in_a_transaction_is_not_reused(single_connection_database: OpenDatabase) -> None:
    async with single_connection_database.lender.connection() as abandoned:
        await abandoned.execute("BEGIN")
    async with single_connection_database.lender.connection() as driver:
        assert driver is not abandoned
        assert not driver.is_in_transaction()
