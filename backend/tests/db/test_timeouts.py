"""Nobody waits for long: a database that is busy, away or silent is a 503 in time, and what needs none is answered."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from psycopg2.extensions import connection
from sqlalchemy import make_url

from app.api.retry import Attempts
from app.config import Settings
from app.main import create_app
from tests.support.api_keys import HEADER, issue, with_keys
from tests.support.databases import OpenDatabase, connect
from tests.support.deal_bodies import PLAIN_DEAL
from tests.support.decimal_json import written

JSON: Final = {"content-type": "application/json"}
PATIENT: Final = dict.fromkeys(
    (
        "database_pool_timeout",
        "database_connect_timeout",
        "database_statement_timeout",
        "database_lock_timeout",
        "request_timeout",
    ),
    60.0,
)
"""No bound but the one that a test is about ends a wait before the test is given up."""
GIVEN_UP_SECONDS: Final = 20
NEEDS_NO_DATABASE: Final = [
    ("GET", "/health", 200),
    ("GET", "/nothing", 404),
    ("GET", "/deals/nothing", 404),
    ("PUT", "/deals", 405),
    ("GET", "/deals?limit=0", 422),
    ("GET", "/hotels?sort=age", 422),
    ("POST", "/deals", 422),
    ("PATCH", "/hotels/1", 422),
    ("DELETE", "/deals/1?versoin=1", 422),
]
HOTEL: Final = {"name": "Crown Tower", "city": "Toronto", "country": "Canada", "phone": "+1-416-555-1333"}
WAIT_AT_COMMIT: Final = """
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        PERFORM pg_advisory_xact_lock(1);
        RETURN NULL;
    END
    $body$;
    CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON hotels
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();
"""


@asynccontextmanager
async def service(url: str, settings: Settings, **changed: float) -> AsyncIterator[tuple[AsyncClient, OpenDatabase]]:
    """A client of the service on the database at `url`, with other settings."""
    settings = settings.model_copy(update=changed)
    app, database = create_app(settings), OpenDatabase.connect(url, settings)
    app.state.database = database
    async with AsyncClient(transport=ASGITransport(app), base_url="http://deals.test") as client:
        yield client, database
    await database.close()


@contextmanager
def other(url: str) -> Iterator[connection]:
    """Somebody else on the database, in a transaction that is undone."""
    connection = connect(url)
    try:
        yield connection
    finally:
        connection.close()


async def let_the_server_wait(database: OpenDatabase) -> None:
    """On the pool's one connection the server ends nothing by itself any more: to the driver it is silent."""
    async with database.lender.connection() as driver:
        await driver.execute("SET statement_timeout = 0; SET lock_timeout = 0")


def assert_unavailable(answer: Response) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_with_all_connections_taken_a_request_is_turned_away(own_url: str, settings: Settings) -> None:
    one = {"database_pool_size": 1, "database_pool_max_overflow": 0}
    async with service(own_url, settings, **PATIENT | one | {"database_pool_timeout": 0.1}) as (client, database):
        async with database.lender.connection():
            async with asyncio.timeout(GIVEN_UP_SECONDS):
                answers = await asyncio.gather(*(client.get("/deals") for _ in range(20)))
            for answer in answers:
                assert_unavailable(answer)
            for method, path, status in NEEDS_NO_DATABASE:
                body = {"colour": "red"} if method in {"POST", "PATCH"} else None
                answer = await client.request(method, path, json=body)
                assert answer.status_code == status, path
        assert (await client.get("/categories")).status_code == 200


@pytest.mark.parametrize("given_up_by", ["database_lock_timeout", "database_statement_timeout", "request_timeout"])
async def test_a_statement_that_waits_is_given_up(own_url: str, settings: Settings, given_up_by: str) -> None:
    async with service(own_url, settings, **PATIENT | {given_up_by: 0.1}, database_pool_max_overflow=0) as (client, _):
        with other(own_url) as locker, locker.cursor() as cursor:
            cursor.execute("LOCK TABLE hotels")
            async with asyncio.timeout(GIVEN_UP_SECONDS):
                for _ in range(settings.database_pool_size + 1):
                    assert_unavailable(await client.get("/hotels"))
                    assert_unavailable(
                        await client.post("/deals", content=written({**PLAIN_DEAL, "hotel_id": 1}), headers=JSON)
                    )
        assert (await client.get("/hotels")).status_code == 200


@pytest.mark.parametrize(
    ("ended_by", "error"),
    [
        ("database_lock_timeout", asyncpg.LockNotAvailableError),
        ("database_statement_timeout", asyncpg.QueryCanceledError),
    ],
)
async def test_the_server_ends_what_waits_and_the_connection_stays(
    own_url: str, settings: Settings, ended_by: str, error: type[Exception]
) -> None:
    async with service(own_url, settings, **PATIENT | {ended_by: 0.1}) as (_, database):
        with other(own_url) as locker, locker.cursor() as cursor:
            cursor.execute("LOCK TABLE hotels")
            async with asyncio.timeout(GIVEN_UP_SECONDS), database.lender.connection() as driver:
                with pytest.raises(error):
                    await driver.execute("SELECT FROM hotels", timeout=60)
        async with database.lender.connection() as again:
            assert again is driver


async def test_a_server_that_ends_nothing_is_given_up_by_the_driver(own_url: str, settings: Settings) -> None:
    one = {"database_pool_size": 1, "database_pool_max_overflow": 0}
    async with service(own_url, settings, **PATIENT | one | {"database_statement_timeout": 0.1}) as (client, database):
        await let_the_server_wait(database)
        with other(own_url) as locker, locker.cursor() as cursor:
            cursor.execute("LOCK TABLE hotels")
            async with asyncio.timeout(GIVEN_UP_SECONDS):
                assert_unavailable(await client.get("/hotels"))
        assert (await client.get("/hotels")).status_code == 200


async def test_a_key_that_a_silent_server_does_not_find_is_looked_up_again(own_url: str, settings: Settings) -> None:
    changed = {"database_pool_size": 1, "database_pool_max_overflow": 0, "database_statement_timeout": 0.1}
    async with service(own_url, with_keys(settings), **PATIENT | changed) as (client, database):
        async with database.sessions() as session:
            key = {HEADER: await issue(session)}
        await let_the_server_wait(database)
        with other(own_url) as locker, locker.cursor() as cursor:
            cursor.execute("LOCK TABLE api_keys")
            async with asyncio.timeout(GIVEN_UP_SECONDS):
                writes = [client.post("/hotels", json=HOTEL, headers=key) for _ in range(3)]
                for answer in await asyncio.gather(*writes):
                    assert_unavailable(answer)
        assert (await client.post("/hotels", json=HOTEL, headers=key)).status_code == 201


async def test_a_commit_that_is_given_up_may_have_happened_and_can_be_sent_again(
    own_url: str, settings: Settings, own_client: AsyncClient
) -> None:
    once = {"Idempotency-Key": "one"}
    async with service(own_url, settings, **PATIENT | {"request_timeout": 1.0}) as (client, _):
        with other(own_url) as locker, locker.cursor() as cursor:
            cursor.execute(WAIT_AT_COMMIT)
            locker.commit()
            cursor.execute("SELECT pg_advisory_xact_lock(1)")
            async with asyncio.timeout(GIVEN_UP_SECONDS) as net:
                answer = await client.post("/hotels", json=HOTEL, headers=once)
    assert not net.expired()
    assert_unavailable(answer)
    assert answer.json()["error"]["details"] == [{"field": "outcome", "message": "outcome_unknown"}]
    assert (await own_client.post("/hotels", json=HOTEL, headers=once)).status_code == 201


async def test_the_pieces_of_one_request_share_its_time() -> None:
    loop = asyncio.get_running_loop()

    async def take_all_of_it() -> None:
        ends = loop.time() + 0.01
        while loop.time() <= ends:
            pass

    async def take_a_turn() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    attempts = Attempts(seconds=0.01)
    await attempts.at(take_all_of_it)
    with pytest.raises(TimeoutError):
        await attempts.at(take_a_turn)


async def test_the_time_that_a_body_takes_to_come_is_the_clients(own_url: str, settings: Settings) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"name": "Crown Tower", "city": "Toronto", '
        await asyncio.sleep(1.1)
        yield b'"country": "Canada", "phone": "+1"}'

    async with service(own_url, settings, request_timeout=1.0) as (client, _):
        assert (await client.post("/hotels", content=body(), headers=JSON)).status_code == 201


async def test_a_server_that_accepts_and_says_nothing_is_given_up(settings: Settings) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        url = f"postgresql://nobody@127.0.0.1:{server.sockets[0].getsockname()[1]}/nothing?ssl=disable"
        async with service(url, settings, **PATIENT | {"database_connect_timeout": 0.1}) as (client, _):
            async with asyncio.timeout(GIVEN_UP_SECONDS):
                assert_unavailable(await client.get("/deals/1"))
                assert_unavailable(await client.get("/health/ready"))
            assert (await client.get("/health")).status_code == 200


async def test_a_transaction_in_which_nothing_happens_is_ended(own_url: str, settings: Settings) -> None:
    async with service(own_url, settings, database_idle_in_transaction_timeout=0.05) as (_, database):
        async with database.lender.connection() as driver:
            ended: asyncio.Event = asyncio.Event()
            driver.add_termination_listener(lambda _: ended.set())
            await driver.execute("BEGIN")
            await asyncio.wait_for(ended.wait(), GIVEN_UP_SECONDS)
        async with database.lender.connection() as driver:
            assert await driver.fetchval("SELECT 1") == 1


async def test_more_clients_than_the_server_takes(own_url: str, settings: Settings) -> None:
    name = make_url(own_url).database
    with other(own_url) as elsewhere, elsewhere.cursor() as cursor:
        cursor.execute(f'CREATE ROLE plain LOGIN; ALTER DATABASE "{name}" CONNECTION LIMIT 0')
        elsewhere.commit()
        plain = make_url(own_url).set(username="plain").render_as_string(hide_password=False)
        async with service(plain, settings) as (client, _):
            answer = await client.get("/hotels")
        cursor.execute("DROP ROLE plain")
        elsewhere.commit()
    assert_unavailable(answer)


async def test_nobody_waits_until_the_server_has_heard_a_goodbye(own_url: str, settings: Settings) -> None:
    """Of a connection beyond those that are kept: what was committed on it is answered already."""
    async with service(own_url, settings, database_pool_size=1, database_pool_max_overflow=1) as (_, database):
        lent = [database.lender.connection() for _ in range(2)]
        drivers = [await one.__aenter__() for one in lent]
        heard = asyncio.Event()
        drivers[1].add_termination_listener(lambda _: heard.set())
        for one in lent:
            with pytest.raises(StopIteration):
                one.__aexit__(None, None, None).send(None)
        await asyncio.wait_for(heard.wait(), GIVEN_UP_SECONDS)
        assert not drivers[0].is_closed()


def test_every_wait_is_bounded_by_default(app: FastAPI) -> None:
    settings: Settings = app.state.settings
    assert settings.database_pool_timeout <= 0.5
    assert settings.database_connect_timeout < settings.request_timeout
    assert settings.request_timeout <= 2.5
    assert settings.database_lock_timeout < settings.database_statement_timeout < settings.request_timeout
