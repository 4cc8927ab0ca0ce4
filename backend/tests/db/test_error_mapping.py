"""Responses to database errors, by SQLSTATE, raised by a statement and by the commit."""

import asyncio
from collections.abc import Mapping

import asyncpg
import pytest
from httpx import AsyncClient, Response
from psycopg2 import extensions
from sqlalchemy import func, select

from app.config import Settings
from app.db.errors import is_retryable
from app.db.session import ConnectedDatabase, transaction
from app.db.statements import CompiledStatement, R, SessionExecutor, get_driver_connection
from tests.support.api_keys import HEADER, issue_key, with_keys
from tests.support.clients import build_app, build_client
from tests.support.deal_bodies import PLAIN_DEAL, PLAIN_HOTEL
from tests.support.decimal_json import to_json

_FAILING_TRIGGER = """
    CREATE SEQUENCE tries;
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        IF nextval('tries') <= {times} THEN {failure}; END IF;
        RETURN NULL;
    END
    $body$;
    CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON hotels {when} FOR EACH ROW EXECUTE FUNCTION fail();
"""
_FAILING_KEY_LOOKUP = """
    CREATE SEQUENCE tries;
    CREATE FUNCTION fail() RETURNS boolean LANGUAGE plpgsql AS $body$
    BEGIN
        IF nextval('tries') <= {times} THEN {failure}; END IF;
        RETURN true;
    END
    $body$;
    ALTER TABLE api_keys RENAME TO stored_keys;
    CREATE VIEW api_keys AS SELECT * FROM stored_keys WHERE fail();
"""
TERMINATE_BACKEND = "PERFORM pg_terminate_backend(pg_backend_pid())"
AT_STATEMENT, AT_COMMIT = "", "DEFERRABLE INITIALLY DEFERRED"
ALWAYS = 1_000
JSON = {"content-type": "application/json"}


def _make_inserts_fail(
    other_connection: extensions.connection, failure: str, *, when: str, times: int = ALWAYS
) -> None:
    with other_connection.cursor() as cursor:
        cursor.execute(_FAILING_TRIGGER.format(failure=failure, when=when, times=times))


def _raise_error(state: str) -> str:
    return f"RAISE EXCEPTION 'secret' USING ERRCODE = '{state}'"


def _fetch_number(other_connection: extensions.connection, statement: str) -> int:
    with other_connection.cursor() as cursor:
        cursor.execute(statement)
        (value,) = cursor.fetchone() or (0,)
        return int(value)


def _count_hotels(other_connection: extensions.connection) -> int:
    return _fetch_number(other_connection, "SELECT count(*) FROM hotels")


def _assert_error(response: Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert "secret" not in response.text
    assert ("retry-after" in response.headers) == (status == 503)


@pytest.mark.parametrize("when", [AT_STATEMENT, AT_COMMIT])
@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ("0A000", 503, "service_unavailable"),
        ("08006", 503, "service_unavailable"),
        ("22003", 422, "validation_error"),
        ("23503", 409, "conflict"),
        ("23502", 422, "validation_error"),
        ("23505", 409, "conflict"),
        ("23514", 422, "validation_error"),
        ("25006", 503, "service_unavailable"),
        ("25P03", 503, "service_unavailable"),
        ("25P04", 503, "service_unavailable"),
        ("26000", 503, "service_unavailable"),
        ("28P01", 503, "service_unavailable"),
        ("3D000", 503, "service_unavailable"),
        ("40001", 503, "service_unavailable"),
        ("40P01", 503, "service_unavailable"),
        ("42501", 503, "service_unavailable"),
        ("42703", 503, "service_unavailable"),
        ("42P05", 503, "service_unavailable"),
        ("42P01", 503, "service_unavailable"),
        ("53100", 503, "service_unavailable"),
        ("53200", 503, "service_unavailable"),
        ("53300", 503, "service_unavailable"),
        ("54000", 503, "service_unavailable"),
        ("55P03", 503, "service_unavailable"),
        ("57014", 503, "service_unavailable"),
        ("57P03", 503, "service_unavailable"),
        ("58030", 503, "service_unavailable"),
        ("XX000", 500, "internal_error"),
    ],
)
async def test_sqlstate_maps_to_status_and_code(
    own_client: AsyncClient, other_connection: extensions.connection, state: str, status: int, code: str, when: str
) -> None:
    _make_inserts_fail(other_connection, _raise_error(state), when=when)
    _assert_error(await own_client.post("/hotels", json=PLAIN_HOTEL), status, code)
    assert _count_hotels(other_connection) == 0


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_serialization_failures_and_deadlocks_are_retried(
    own_client: AsyncClient, other_connection: extensions.connection, state: str
) -> None:
    _make_inserts_fail(other_connection, _raise_error(state), when=AT_STATEMENT, times=2)
    response = await own_client.post("/hotels", json=PLAIN_HOTEL)
    assert response.status_code == 201
    assert _count_hotels(other_connection) == 1
    assert _fetch_number(other_connection, "SELECT last_value FROM tries") == 3


async def test_write_fails_after_three_tries(own_client: AsyncClient, other_connection: extensions.connection) -> None:
    _make_inserts_fail(other_connection, _raise_error("40P01"), when=AT_STATEMENT)
    _assert_error(await own_client.post("/hotels", json=PLAIN_HOTEL), 503, "service_unavailable")
    assert _fetch_number(other_connection, "SELECT last_value FROM tries") == 3


async def test_write_is_retried_when_its_connection_is_closed_before_the_commit(
    own_client: AsyncClient, other_connection: extensions.connection
) -> None:
    _make_inserts_fail(other_connection, TERMINATE_BACKEND, when=AT_STATEMENT, times=1)
    assert (await own_client.post("/hotels", json=PLAIN_HOTEL)).status_code == 201
    assert _count_hotels(other_connection) == 1


async def test_write_is_retried_when_its_connection_is_closed_before_its_last_read(
    own_client: AsyncClient, own_database: ConnectedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That statement is sent on the driver's connection, so SQLAlchemy does not notice."""
    lost: list[int] = []
    fetch_all = SessionExecutor.fetch_all

    async def lose_connection_once(
        executor: SessionExecutor, statement: CompiledStatement[R], values: Mapping[str, object]
    ) -> list[R]:
        if not lost:
            connection = await get_driver_connection(executor._session)
            lost.append(connection.get_server_pid())
            await own_database.reads.fetch_all(
                CompiledStatement[dict[str, bool]](select(func.pg_terminate_backend(lost[0], 5000))), {}
            )
        return await fetch_all(executor, statement, values)

    monkeypatch.setattr(SessionExecutor, "fetch_all", lose_connection_once)
    response = await own_client.post("/hotels", json=PLAIN_HOTEL)
    assert (response.status_code, len(lost)) == (201, 1)


async def test_patch_deal_with_categories_is_retried(
    own_client: AsyncClient, other_connection: extensions.connection
) -> None:
    """The second attempt loads the categories of a deal that the first one has left in the session."""
    hotel = (await own_client.post("/hotels", json=PLAIN_HOTEL)).json()["id"]
    body = {"hotel_id": hotel, "categories": ["beach"]}
    deal = (await own_client.post("/deals", content=to_json({**PLAIN_DEAL, **body}), headers=JSON)).json()["id"]
    with other_connection.cursor() as cursor:
        trigger = _FAILING_TRIGGER.replace("AFTER INSERT ON hotels", "AFTER UPDATE ON deals")
        cursor.execute(trigger.format(failure=_raise_error("40P01"), when=AT_STATEMENT, times=2))
    response = await own_client.patch(f"/deals/{deal}", json={"categories": ["luxury"], "star_rating": 1})
    assert (response.status_code, response.json()["categories"]) == (200, ["luxury"])
    assert response.json()["version"] == 2


@pytest.mark.parametrize("failure", [_raise_error("40P01"), TERMINATE_BACKEND])
async def test_api_key_lookup_is_retried(
    own_database: ConnectedDatabase, settings: Settings, other_connection: extensions.connection, failure: str
) -> None:
    async with own_database.sessions() as session:
        key = await issue_key(session)
    with other_connection.cursor() as cursor:
        cursor.execute(_FAILING_KEY_LOOKUP.format(failure=failure, times=2))
    async with build_client(build_app(own_database, with_keys(settings))) as client:
        response = await client.post("/hotels", json=PLAIN_HOTEL, headers={HEADER: key})
    assert response.status_code == 201
    assert _fetch_number(other_connection, "SELECT last_value FROM tries") == 3


async def test_connection_closed_during_the_commit_reports_unknown_outcome(
    own_client: AsyncClient, other_connection: extensions.connection
) -> None:
    _make_inserts_fail(other_connection, TERMINATE_BACKEND, when=AT_COMMIT, times=1)
    response = await own_client.post("/hotels", json=PLAIN_HOTEL)
    _assert_error(response, 503, "service_unavailable")
    assert response.json()["error"]["details"] == [{"field": "outcome", "message": "outcome_unknown"}]
    assert _fetch_number(other_connection, "SELECT last_value FROM tries") == 1
    assert (await own_client.post("/hotels", json=PLAIN_HOTEL)).status_code == 201


async def test_writes_survive_a_change_of_the_table(
    own_client: AsyncClient, other_connection: extensions.connection
) -> None:
    """There are more connections with stale prepared statements than tries."""
    hotel = (await own_client.post("/hotels", json=PLAIN_HOTEL)).json()["id"]

    async def patch_city(city: str) -> set[int]:
        requests = (own_client.patch(f"/hotels/{hotel}", json={"city": city}) for _ in range(5))
        return {response.status_code for response in await asyncio.gather(*requests)}

    assert await patch_city("Paris") == {200}
    with other_connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hotels ALTER COLUMN city TYPE varchar(99)")
    assert (await own_client.patch(f"/hotels/{hotel}", json={"city": "Rome"})).status_code == 200
    assert await patch_city("Oslo") == {200}
    assert (await own_client.get(f"/hotels/{hotel}")).json()["city"] == "Oslo"


async def test_deallocated_statements_are_prepared_again(
    own_client: AsyncClient, own_database: ConnectedDatabase
) -> None:
    """As happens behind a transaction-pooling proxy."""
    hotel = (await own_client.post("/hotels", json=PLAIN_HOTEL)).json()["id"]
    assert (await own_client.patch(f"/hotels/{hotel}", json={"city": "Paris"})).status_code == 200
    async with own_database.sessions() as session:
        await (await get_driver_connection(session)).execute("DEALLOCATE ALL")
    assert (await own_client.patch(f"/hotels/{hotel}", json={"city": "Rome"})).json()["city"] == "Rome"


async def test_connection_lost_before_the_commit_is_retryable(own_database: ConnectedDatabase) -> None:
    async def lose_connection() -> None:
        async with transaction(own_database.sessions) as session:
            await session.execute(select(func.pg_backend_pid()))
            (await get_driver_connection(session)).terminate()

    with pytest.raises(asyncpg.ConnectionDoesNotExistError) as raised:
        await lose_connection()
    assert is_retryable(raised.value)
