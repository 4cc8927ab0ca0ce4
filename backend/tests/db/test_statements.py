"""How the service talks to PostgreSQL: how many statements, in which transaction, on which connection."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import Integer, bindparam, func, select

from app.config import Settings
from app.db.statements import CompiledStatement, Row, literal_int
from app.db.transaction import Transaction
from tests.factories import DealFactory
from tests.support.databases import OpenDatabase

ONE: CompiledStatement[Row] = CompiledStatement(select(literal_int(1).label("one")))


@pytest.fixture
async def database_of_one(own_url: str, settings: Settings) -> AsyncIterator[OpenDatabase]:
    """A database with a pool of a single connection."""
    one = settings.model_copy(update={"database_pool_size": 1, "database_pool_max_overflow": 0})
    database = OpenDatabase.connect(own_url, one)
    yield database
    await database.close()


@contextmanager
def overheard(driver: Any) -> Iterator[list[str]]:
    """All that is sent on the connection meanwhile, BEGIN and COMMIT included."""
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
async def test_a_read_is_one_statement_in_no_transaction(
    client: AsyncClient, app: FastAPI, database_of_one: OpenDatabase, path: str
) -> None:
    async with database_of_one.sessions.begin() as session:
        deal = DealFactory.build()
        session.add(deal)
    app.state.database = database_of_one
    path = path.format(id=deal.id, hotel_id=deal.hotel_id)
    await client.get(path)
    async with database_of_one.lender.connection() as driver:
        pass
    with overheard(driver) as sent:
        answer = await client.get(path)
    await database_of_one.reader.fetch_all(ONE, {})  # the driver tells of a statement a moment later
    assert answer.status_code == 200
    assert len(sent) == 1
    assert sent[0].startswith(("SELECT", "WITH"))


async def test_a_write_is_one_transaction(client: AsyncClient, app: FastAPI, database_of_one: OpenDatabase) -> None:
    async with database_of_one.sessions.begin() as session:
        deal = DealFactory.build()
        session.add(deal)
    app.state.database = database_of_one
    async with database_of_one.lender.connection() as driver:
        pass
    with overheard(driver) as sent:
        answer = await client.patch(f"/deals/{deal.id}", json={"star_rating": 1, "categories": ["luxury"]})
    await database_of_one.reader.fetch_all(ONE, {})
    assert answer.status_code == 200
    assert (sent[0], sent[-1]) == ("BEGIN;", "COMMIT;")
    assert not [statement for statement in sent[1:-1] if statement.startswith(("BEGIN", "COMMIT", "SAVEPOINT"))]


async def test_what_an_exception_leaves_is_rolled_back(database_of_one: OpenDatabase) -> None:
    update = CompiledStatement[Row](select(literal_int(1) / literal_int(0)))
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with Transaction.on(database_of_one.lender) as transaction:
            await transaction.fetch_all(update, {})
    assert await database_of_one.reader.fetch_all(ONE, {}) == [{"one": 1}]


async def _end_all_sessions(url: str) -> None:
    other = await asyncpg.connect(url.replace("+asyncpg", ""))
    await other.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await other.close()


async def test_connections_that_the_server_has_ended_are_replaced_before_they_are_used(
    client: AsyncClient, app: FastAPI, database_of_one: OpenDatabase, own_url: str
) -> None:
    async with database_of_one.sessions.begin() as session:
        deal = DealFactory.build()
        session.add(deal)
    app.state.database = database_of_one
    for answered in (client.get(f"/deals/{deal.id}"), client.patch(f"/deals/{deal.id}", json={"star_rating": 1})):
        await _end_all_sessions(own_url)
        assert (await answered).status_code == 200


async def test_a_read_on_a_connection_that_is_cut_meanwhile_is_sent_again(database_of_one: OpenDatabase) -> None:
    """The driver has not heard yet that the connection it lends is gone."""
    async with database_of_one.lender.connection() as driver:
        pid = driver.get_server_pid()
    end = CompiledStatement[Row](select(func.pg_terminate_backend(bindparam("pid", type_=Integer)).label("ended")))
    assert await database_of_one.reader.fetch_all(end, {"pid": pid}) == [{"ended": False}]


async def test_a_connection_left_in_a_transaction_is_not_lent_again(database_of_one: OpenDatabase) -> None:
    async with database_of_one.lender.connection() as left:
        await left.execute("BEGIN")
    async with database_of_one.lender.connection() as driver:
        assert driver is not left
        assert not driver.is_in_transaction()
