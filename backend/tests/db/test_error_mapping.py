"""What the database refuses, and what a client is told: by SQLSTATE, at a statement and at the commit."""

import asyncio

import asyncpg
import pytest
from httpx import ASGITransport, AsyncClient, Response
from psycopg2.extensions import connection
from sqlalchemy import func, select

from app.config import Settings
from app.db.errors import is_retryable
from app.db.statements import CompiledStatement
from app.db.transaction import Transaction
from app.main import create_app
from tests.support.api_keys import HEADER, issue, with_keys
from tests.support.databases import OpenDatabase, connect

HOTEL = {"name": "Crown Tower", "city": "Toronto", "country": "Canada", "phone": "+1-416-555-1333"}
_REFUSAL = """
    CREATE SEQUENCE tries;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        IF nextval('tries') <= {times} THEN {refuse}; END IF;
        RETURN NULL;
    END
    $body$;
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON hotels {when} FOR EACH ROW EXECUTE FUNCTION refuse();
"""
_REFUSAL_OF_KEYS = """
    CREATE SEQUENCE tries;
    CREATE FUNCTION refuse() RETURNS boolean LANGUAGE plpgsql AS $body$
    BEGIN
        IF nextval('tries') <= {times} THEN {refuse}; END IF;
        RETURN true;
    END
    $body$;
    ALTER TABLE api_keys RENAME TO kept_keys;
    CREATE VIEW api_keys AS SELECT * FROM kept_keys WHERE refuse();
"""
CUT = "PERFORM pg_terminate_backend(pg_backend_pid())"
AT_ONCE, AT_COMMIT = "", "DEFERRABLE INITIALLY DEFERRED"
ALWAYS = 1_000


@pytest.fixture
def elsewhere(own_url: str) -> connection:
    other = connect(own_url)
    other.autocommit = True
    return other


def _plant(elsewhere: connection, refuse: str, *, when: str, times: int = ALWAYS) -> None:
    with elsewhere.cursor() as cursor:
        cursor.execute(_REFUSAL.format(refuse=refuse, when=when, times=times))


def _raise(state: str) -> str:
    return f"RAISE EXCEPTION 'secret' USING ERRCODE = '{state}'"


def _ask(elsewhere: connection, statement: str) -> int:
    with elsewhere.cursor() as cursor:
        cursor.execute(statement)
        (value,) = cursor.fetchone() or (0,)
        return int(value)


def _hotels(elsewhere: connection) -> int:
    return _ask(elsewhere, "SELECT count(*) FROM hotels")


def _assert_error(answer: Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize("when", [AT_ONCE, AT_COMMIT])
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
async def test_each_state_has_its_answer(
    own_client: AsyncClient, elsewhere: connection, state: str, status: int, code: str, when: str
) -> None:
    _plant(elsewhere, _raise(state), when=when)
    _assert_error(await own_client.post("/hotels", json=HOTEL), status, code)
    assert _hotels(elsewhere) == 0


@pytest.mark.parametrize("when", [AT_ONCE, AT_COMMIT])
@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_what_others_caused_is_tried_again(
    own_client: AsyncClient, elsewhere: connection, state: str, when: str
) -> None:
    _plant(elsewhere, _raise(state), when=when, times=2)
    answer = await own_client.post("/hotels", json=HOTEL)
    assert answer.status_code == 201
    assert _hotels(elsewhere) == 1
    assert _ask(elsewhere, "SELECT last_value FROM tries") == 3


async def test_it_is_tried_three_times_and_no_more(own_client: AsyncClient, elsewhere: connection) -> None:
    _plant(elsewhere, _raise("40P01"), when=AT_ONCE)
    _assert_error(await own_client.post("/hotels", json=HOTEL), 503, "service_unavailable")
    assert _ask(elsewhere, "SELECT last_value FROM tries") == 3


async def test_a_write_whose_connection_dies_before_the_commit_is_tried_again(
    own_client: AsyncClient, elsewhere: connection
) -> None:
    _plant(elsewhere, CUT, when=AT_ONCE, times=1)
    assert (await own_client.post("/hotels", json=HOTEL)).status_code == 201
    assert _hotels(elsewhere) == 1


@pytest.mark.parametrize("refuse", [_raise("40P01"), CUT])
async def test_the_look_up_of_a_key_is_tried_again_too(
    own_database: OpenDatabase, settings: Settings, elsewhere: connection, refuse: str
) -> None:
    app = create_app(with_keys(settings))
    app.state.database = own_database
    async with own_database.sessions() as session:
        key = await issue(session)
    with elsewhere.cursor() as cursor:
        cursor.execute(_REFUSAL_OF_KEYS.format(refuse=refuse, times=2))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://deals.test") as client:
        answer = await client.post("/hotels", json=HOTEL, headers={HEADER: key})
    assert answer.status_code == 201
    assert _ask(elsewhere, "SELECT last_value FROM tries") == 3


async def test_a_write_whose_commit_gets_no_answer_says_so(own_client: AsyncClient, elsewhere: connection) -> None:
    _plant(elsewhere, CUT, when=AT_COMMIT, times=1)
    answer = await own_client.post("/hotels", json=HOTEL)
    _assert_error(answer, 503, "service_unavailable")
    assert answer.json()["error"]["details"] == [{"field": "outcome", "message": "outcome_unknown"}]
    assert _ask(elsewhere, "SELECT last_value FROM tries") == 1
    assert (await own_client.post("/hotels", json=HOTEL)).status_code == 201


async def test_a_table_that_is_changed_under_writes_is_no_error(own_client: AsyncClient, elsewhere: connection) -> None:
    """More connections have prepared their statements than there are tries."""
    hotel = (await own_client.post("/hotels", json=HOTEL)).json()["id"]

    async def change(city: str) -> set[int]:
        answers = (own_client.patch(f"/hotels/{hotel}", json={"city": city}) for _ in range(5))
        return {answer.status_code for answer in await asyncio.gather(*answers)}

    assert await change("Paris") == {200}
    with elsewhere.cursor() as cursor:
        cursor.execute("ALTER TABLE hotels ALTER COLUMN city TYPE varchar(99)")
    assert (await own_client.patch(f"/hotels/{hotel}", json={"city": "Rome"})).status_code == 200
    assert await change("Oslo") == {200}
    assert (await own_client.get(f"/hotels/{hotel}")).json()["city"] == "Oslo"


async def test_statements_that_the_server_has_forgotten_are_prepared_anew(
    own_client: AsyncClient, own_database: OpenDatabase
) -> None:
    """As behind a pooler that takes another of its sessions for each transaction."""
    hotel = (await own_client.post("/hotels", json=HOTEL)).json()["id"]
    assert (await own_client.patch(f"/hotels/{hotel}", json={"city": "Paris"})).status_code == 200
    async with own_database.lender.connection() as driver:
        await driver.execute("DEALLOCATE ALL")
    assert (await own_client.patch(f"/hotels/{hotel}", json={"city": "Rome"})).json()["city"] == "Rome"


async def test_a_commit_that_was_never_sent_is_tried_again(own_database: OpenDatabase) -> None:
    async def lose_the_connection() -> None:
        async with Transaction.on(own_database.lender) as transaction:
            await transaction.fetch_all(CompiledStatement(select(func.pg_backend_pid())), {})
            transaction._driver.terminate()

    with pytest.raises(asyncpg.ConnectionDoesNotExistError) as told:
        await lose_the_connection()
    assert is_retryable(told.value)
