"""Bounded waits: a busy, unreachable or unresponsive database yields 503 in time; other requests are unaffected."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from psycopg2 import extensions
from sqlalchemy import make_url, select, text

from app.api.strict_route import TimeBudget
from app.config import Settings
from app.db.session import ConnectedDatabase
from app.db.statements import get_driver_connection
from tests.support.api_keys import HEADER, issue_key, with_keys
from tests.support.clients import build_app, build_client, open_database
from tests.support.databases import connect
from tests.support.deal_bodies import PLAIN_DEAL, PLAIN_HOTEL
from tests.support.decimal_json import to_json

JSON: Final = {"content-type": "application/json"}
LONG_TIMEOUTS: Final = dict.fromkeys(
    (
        "database_pool_timeout",
        "database_connect_timeout",
        "database_statement_timeout",
        "database_lock_timeout",
        "request_timeout",
    ),
    60.0,
)
"""Longer than a test may take, so that only the timeout under test applies."""
SINGLE_CONNECTION: Final = {"database_pool_size": 1, "database_pool_max_overflow": 0}
TEST_TIMEOUT_SECONDS: Final = 20
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
async def open_service(
    url: str, settings: Settings, **overrides: float
) -> AsyncIterator[tuple[AsyncClient, ConnectedDatabase]]:
    """A client of the service on the database at `url`, with some settings overridden."""
    settings = settings.model_copy(update=overrides)
    async with open_database(url, settings) as database, build_client(build_app(database, settings)) as client:
        yield client, database


@contextmanager
def open_connection(url: str) -> Iterator[extensions.connection]:
    """Another connection, in a transaction that is rolled back."""
    connection = connect(url)
    try:
        yield connection
    finally:
        connection.close()


async def disable_server_timeouts(database: ConnectedDatabase) -> None:
    """Disable the server's timeouts on the pools' only connections, so that the server appears unresponsive."""
    async with database.read_pool.connection() as connection:
        await connection.execute("SET statement_timeout = 0; SET lock_timeout = 0")
    async with database.engine.connect() as connection:
        await connection.execute(text("SET SESSION statement_timeout = 0"))
        await connection.execute(text("SET SESSION lock_timeout = 0"))
        await connection.commit()


def assert_unavailable(response: Response) -> None:
    assert (response.status_code, response.json()["error"]["code"]) == (503, "service_unavailable")
    assert int(response.headers["retry-after"]) >= 1


async def test_exhausted_pool_rejects_requests_that_need_the_database(own_url: str, settings: Settings) -> None:
    async with open_service(
        own_url, settings, **LONG_TIMEOUTS | SINGLE_CONNECTION | {"database_pool_timeout": 0.1}
    ) as (
        client,
        database,
    ):
        async with database.read_pool.connection(), database.engine.connect() as connection:
            await connection.execute(select(1))
            async with asyncio.timeout(TEST_TIMEOUT_SECONDS):
                reads = [client.get("/deals") for _ in range(20)]
                writes = [client.patch("/hotels/1", json={"name": "Crown Tower"}) for _ in range(5)]
                responses = await asyncio.gather(*reads, *writes)
            for response in responses:
                assert_unavailable(response)
            for method, path, status in NEEDS_NO_DATABASE:
                body = {"colour": "red"} if method in {"POST", "PATCH"} else None
                response = await client.request(method, path, json=body)
                assert response.status_code == status, path
        assert (await client.get("/categories")).status_code == 200


@pytest.mark.parametrize("setting", ["database_lock_timeout", "database_statement_timeout", "request_timeout"])
async def test_blocked_statement_times_out(own_url: str, settings: Settings, setting: str) -> None:
    async with open_service(own_url, settings, **LONG_TIMEOUTS | {setting: 0.1}, database_pool_max_overflow=0) as (
        client,
        _,
    ):
        with open_connection(own_url) as locker, locker.cursor() as cursor:
            cursor.execute("LOCK TABLE hotels")
            async with asyncio.timeout(TEST_TIMEOUT_SECONDS):
                for _ in range(settings.database_pool_size + 1):
                    assert_unavailable(await client.get("/hotels"))
                    assert_unavailable(
                        await client.post("/deals", content=to_json({**PLAIN_DEAL, "hotel_id": 1}), headers=JSON)
                    )
        assert (await client.get("/hotels")).status_code == 200


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ("database_lock_timeout", asyncpg.LockNotAvailableError),
        ("database_statement_timeout", asyncpg.QueryCanceledError),
    ],
)
async def test_connection_is_reused_after_a_server_timeout(
    own_url: str, settings: Settings, setting: str, error: type[Exception]
) -> None:
    async with open_service(own_url, settings, **LONG_TIMEOUTS | {setting: 0.1}) as (_, database):
        with open_connection(own_url) as locker, locker.cursor() as cursor:
            cursor.execute("LOCK TABLE hotels")
            async with asyncio.timeout(TEST_TIMEOUT_SECONDS), database.read_pool.connection() as connection:
                pid = connection.get_server_pid()
                with pytest.raises(error):
                    await connection.execute("SELECT FROM hotels", timeout=60)
        async with database.read_pool.connection() as connection:
            assert connection.get_server_pid() == pid


async def test_driver_times_out_when_the_server_does_not(own_url: str, settings: Settings) -> None:
    async with open_service(
        own_url, settings, **LONG_TIMEOUTS | SINGLE_CONNECTION | {"database_statement_timeout": 0.1}
    ) as (
        client,
        database,
    ):
        await disable_server_timeouts(database)
        with open_connection(own_url) as locker, locker.cursor() as cursor:
            cursor.execute("LOCK TABLE hotels")
            async with asyncio.timeout(TEST_TIMEOUT_SECONDS):
                assert_unavailable(await client.get("/hotels"))
        assert (await client.get("/hotels")).status_code == 200


async def test_api_key_lookup_recovers_after_a_server_timeout(own_url: str, settings: Settings) -> None:
    overrides = SINGLE_CONNECTION | {"database_statement_timeout": 0.1}
    async with open_service(own_url, with_keys(settings), **LONG_TIMEOUTS | overrides) as (client, database):
        async with database.sessions() as session:
            key = {HEADER: await issue_key(session)}
        await disable_server_timeouts(database)
        with open_connection(own_url) as locker, locker.cursor() as cursor:
            cursor.execute("LOCK TABLE api_keys")
            async with asyncio.timeout(TEST_TIMEOUT_SECONDS):
                writes = [client.post("/hotels", json=PLAIN_HOTEL, headers=key) for _ in range(3)]
                for response in await asyncio.gather(*writes):
                    assert_unavailable(response)
        assert (await client.post("/hotels", json=PLAIN_HOTEL, headers=key)).status_code == 201


async def test_timeout_during_the_commit_reports_unknown_outcome_and_the_write_can_be_repeated(
    own_url: str, settings: Settings, own_client: AsyncClient
) -> None:
    idempotency_key = {"Idempotency-Key": "one"}
    async with open_service(own_url, settings, **LONG_TIMEOUTS | {"request_timeout": 1.0}) as (client, _):
        with open_connection(own_url) as locker, locker.cursor() as cursor:
            cursor.execute(WAIT_AT_COMMIT)
            locker.commit()
            cursor.execute("SELECT pg_advisory_xact_lock(1)")
            async with asyncio.timeout(TEST_TIMEOUT_SECONDS) as deadline:
                response = await client.post("/hotels", json=PLAIN_HOTEL, headers=idempotency_key)
    assert not deadline.expired()
    assert_unavailable(response)
    assert response.json()["error"]["details"] == [{"field": "outcome", "message": "outcome_unknown"}]
    assert (await own_client.post("/hotels", json=PLAIN_HOTEL, headers=idempotency_key)).status_code == 201


async def test_steps_of_one_request_share_its_timeout() -> None:
    loop = asyncio.get_running_loop()

    async def use_up_the_budget() -> None:
        ends = loop.time() + 0.01
        while loop.time() <= ends:
            pass

    async def yield_to_the_loop() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    budget = TimeBudget(0.01)
    await budget.spend(use_up_the_budget())
    with pytest.raises(TimeoutError):
        await budget.spend(yield_to_the_loop())


async def test_slow_request_body_does_not_count_toward_the_request_timeout(own_url: str, settings: Settings) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"name": "Crown Tower", "city": "Toronto", '
        await asyncio.sleep(1.1)
        yield b'"country": "Canada", "phone": "+1"}'

    async with open_service(own_url, settings, request_timeout=1.0) as (client, _):
        assert (await client.post("/hotels", content=body(), headers=JSON)).status_code == 201


async def test_connecting_to_an_unresponsive_server_times_out(settings: Settings) -> None:
    async def never_respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never_respond, "127.0.0.1", 0)
    async with server:
        url = f"postgresql://nobody@127.0.0.1:{server.sockets[0].getsockname()[1]}/nothing?ssl=disable"
        async with open_service(url, settings, **LONG_TIMEOUTS | {"database_connect_timeout": 0.1}) as (client, _):
            async with asyncio.timeout(TEST_TIMEOUT_SECONDS):
                assert_unavailable(await client.get("/deals/1"))
                assert_unavailable(await client.get("/health/ready"))
            assert (await client.get("/health")).status_code == 200


async def test_idle_transaction_is_terminated(own_url: str, settings: Settings) -> None:
    async with open_service(own_url, settings, database_idle_in_transaction_timeout=0.05) as (_, database):
        async with database.sessions() as session:
            await session.execute(select(1))
            ended: asyncio.Event = asyncio.Event()
            (await get_driver_connection(session)).add_termination_listener(lambda _: ended.set())
            await asyncio.wait_for(ended.wait(), TEST_TIMEOUT_SECONDS)
            await session.invalidate()
        async with database.sessions() as session:
            assert await session.scalar(select(1)) == 1


async def test_server_connection_limit_yields_503(own_url: str, settings: Settings) -> None:
    name = make_url(own_url).database
    with open_connection(own_url) as admin, admin.cursor() as cursor:
        cursor.execute(f'CREATE ROLE plain LOGIN; ALTER DATABASE "{name}" CONNECTION LIMIT 0')
        admin.commit()
        plain = make_url(own_url).set(username="plain").render_as_string(hide_password=False)
        async with open_service(plain, settings) as (client, _):
            response = await client.get("/hotels")
        cursor.execute("DROP ROLE plain")
        admin.commit()
    assert_unavailable(response)


async def test_connections_for_writes_stay_open_until_the_server_closes_idle_ones(
    own_url: str, settings: Settings
) -> None:
    async with open_service(own_url, settings, database_pool_size=1, database_pool_max_overflow=1) as (_, database):
        sessions = [database.sessions() for _ in range(2)]
        drivers = [await get_driver_connection(session) for session in sessions]
        for session in sessions:
            await session.close()
        assert not any(driver.is_closed() for driver in drivers)
        assert {await driver.fetchval("SHOW idle_session_timeout") for driver in drivers} == {"5min"}


def test_default_timeouts_are_nested(app: FastAPI) -> None:
    settings: Settings = app.state.settings
    assert settings.database_pool_timeout <= 0.5
    assert settings.database_connect_timeout < settings.request_timeout
    assert settings.request_timeout <= 2.5
    assert settings.database_lock_timeout < settings.database_statement_timeout < settings.request_timeout
