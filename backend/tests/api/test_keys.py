"""Keys: who may write, as AUTH_MODE=writes has it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, Final

import pytest
from fastapi import FastAPI, Request
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import REQUIRE_WRITE
from app.auth.service import CACHE_TTL_SECONDS, AllowAll, ApiKeyAuthenticator
from app.auth.tokens import Scope, new_key, public_id
from app.config import Settings
from app.db.session import Database
from app.main import create_app
from app.repositories.api_keys import ApiKeyRepository, StoredApiKey
from tests.support.api_keys import HEADER, SECRET, WRONG, Clock, Wrong, entity, issue, with_keys
from tests.support.databases import OpenDatabase

FAILURES: Final = 3
YESTERDAY: Final = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> ApiKeyAuthenticator:
    return ApiKeyAuthenticator(secret=SECRET.encode(), failures_per_minute=FAILURES, clock=clock)


@pytest.fixture
def keyed_app(settings: Settings, database: OpenDatabase, keys: ApiKeyAuthenticator) -> FastAPI:
    app = create_app(with_keys(settings))
    app.state.database, app.state.authenticator = database, keys

    @app.post("/me", dependencies=REQUIRE_WRITE)
    async def read_me(request: Request) -> str:
        client: str = request.state.client
        return client

    return app


def client_at(app: FastAPI, address: str) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app, client=(address, 1)), base_url="http://deals.test")


@pytest.fixture
async def keyed_client(keyed_app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with client_at(keyed_app, "192.0.2.1") as client:
        yield client


async def me(client: AsyncClient, key: str) -> Response:
    return await client.post("/me", headers={HEADER: key})


def refusal(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_the_client_of_a_valid_key_is_known(keyed_client: AsyncClient, session: AsyncSession) -> None:
    for scope in Scope:
        key = await issue(session, scope)
        answer = await me(keyed_client, key)
        assert (answer.status_code, answer.json()) == (200, public_id(key))


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_all_wrong_keys_get_the_same_answer(
    keyed_client: AsyncClient, session: AsyncSession, wrong: Wrong
) -> None:
    key = await issue(session)
    nothing, answer = await keyed_client.post("/me"), await me(keyed_client, wrong(key))
    assert refusal(answer) == refusal(nothing) == (401, "unauthorized")
    assert answer.json()["error"]["message"] == nothing.json()["error"]["message"]
    assert answer.headers["www-authenticate"] == nothing.headers["www-authenticate"] == "ApiKey"


async def test_a_key_of_another_secret_is_worth_nothing(
    keyed_app: FastAPI, keyed_client: AsyncClient, session: AsyncSession
) -> None:
    key = await issue(session)
    keyed_app.state.authenticator = ApiKeyAuthenticator(secret=SECRET[::-1].encode(), failures_per_minute=FAILURES)
    assert refusal(await me(keyed_client, key)) == (401, "unauthorized")


async def test_an_expired_key_is_refused(keyed_client: AsyncClient, session: AsyncSession) -> None:
    key = await issue(session, expires_at=YESTERDAY)
    assert refusal(await me(keyed_client, key)) == (401, "unauthorized")


async def test_a_revoked_key_works_for_three_seconds_at_most(
    keyed_client: AsyncClient, session: AsyncSession, clock: Clock
) -> None:
    key = await issue(session)
    assert (await me(keyed_client, key)).is_success
    await session.execute(text("UPDATE api_keys SET revoked_at = now()"))
    await session.commit()
    clock.seconds = CACHE_TTL_SECONDS - 0.1
    assert (await me(keyed_client, key)).is_success, "it is remembered without asking"
    clock.seconds = CACHE_TTL_SECONDS
    assert refusal(await me(keyed_client, key)) == (401, "unauthorized")
    assert CACHE_TTL_SECONDS <= 3


async def test_a_key_is_not_remembered_beyond_its_end(
    keyed_client: AsyncClient, session: AsyncSession, clock: Clock
) -> None:
    key = await issue(session, expires_at=datetime.now(UTC) + timedelta(seconds=2))
    assert (await me(keyed_client, key)).is_success
    await session.execute(text("UPDATE api_keys SET expires_at = now()"))
    await session.commit()
    clock.seconds = 2.0
    assert refusal(await me(keyed_client, key)) == (401, "unauthorized")


async def test_only_an_admin_removes_hotels(keyed_client: AsyncClient, session: AsyncSession) -> None:
    writer, admin = [await issue(session, scope) for scope in Scope]
    answers = [await keyed_client.delete("/hotels/1", headers={HEADER: key}) for key in (writer, admin)]
    assert [refusal(answer) for answer in answers] == [(403, "forbidden"), (404, "hotel_not_found")]
    assert refusal(await keyed_client.delete("/deals/1", headers={HEADER: writer})) == (404, "deal_not_found")


@pytest.mark.parametrize(
    "request_",
    [
        {"url": "/deals", "content": b"{", "headers": {"content-type": "application/json"}},
        {"url": "/deals", "content": b"x", "headers": {"content-type": "text/plain"}},
        {"url": "/deals", "json": {"colour": "red"}},
        {"url": "/deals?colour=red", "json": {}},
        {"url": "/hotels/first", "method": "PATCH", "json": {}},
    ],
)
async def test_who_has_no_key_learns_nothing_else(keyed_client: AsyncClient, request_: dict[str, Any]) -> None:
    assert refusal(await keyed_client.request(**{"method": "POST"} | request_)) == (401, "unauthorized")


async def test_what_is_not_there_stays_so(keyed_client: AsyncClient) -> None:
    assert refusal(await keyed_client.post("/nothing")) == (404, "not_found")
    assert refusal(await keyed_client.put("/deals")) == (405, "method_not_allowed")
    assert refusal(await keyed_client.delete("/deals/stats")) == (405, "method_not_allowed")


async def test_reading_needs_no_key(keyed_client: AsyncClient) -> None:
    for path in ("/deals", "/deals/stats", "/hotels", "/categories", "/health", "/openapi.json", "/docs"):
        assert (await keyed_client.get(path)).is_success, path


async def test_wrong_keys_are_limited_by_address(
    keyed_app: FastAPI, keyed_client: AsyncClient, session: AsyncSession, clock: Clock
) -> None:
    known, fresh = await issue(session), await issue(session)
    assert (await me(keyed_client, known)).is_success
    for _ in range(FAILURES):
        assert refusal(await me(keyed_client, new_key())) == (401, "unauthorized")
    for key in (new_key(), "let me in", fresh):
        answer = await me(keyed_client, key)
        assert refusal(answer) == (429, "rate_limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    async with client_at(keyed_app, "192.0.2.2") as other:
        assert (await me(other, fresh)).is_success
    for clock.seconds in (0.0, CACHE_TTL_SECONDS):
        assert (await me(keyed_client, known)).is_success, "a client at the same address goes on"


class Counted(ApiKeyRepository):
    """Counts what is looked up."""

    looked_up = 0

    async def find(self, public_id: str) -> StoredApiKey | None:
        self.looked_up += 1
        return await super().find(public_id)


async def admitted(
    keys: ApiKeyAuthenticator, known: ApiKeyRepository, presented: list[str], *addresses: str
) -> Counter[str]:
    """What becomes of keys that are presented at once."""
    answers = await asyncio.gather(
        *(
            keys.authenticate(key, scope=Scope.WRITE, address=address, keys=known)
            for key, address in zip(presented, cycle(addresses), strict=False)
        ),
        return_exceptions=True,
    )
    return Counter(answer if isinstance(answer, str) else type(answer).__name__ for answer in answers)


async def test_wrong_keys_at_once_are_limited_too(keys: ApiKeyAuthenticator, own_database: OpenDatabase) -> None:
    known, guesses = Counted(own_database.reader), [new_key() for _ in range(150)]
    answers = await admitted(keys, known, guesses, "192.0.2.1")
    assert answers == {"UnauthorizedError": FAILURES, "RateLimitedError": 150 - FAILURES}
    assert known.looked_up == FAILURES


async def test_addresses_of_one_ipv6_network_guess_together(
    keys: ApiKeyAuthenticator, own_database: OpenDatabase
) -> None:
    known, guesses = Counted(own_database.reader), [new_key() for _ in range(20)]
    answers = await admitted(keys, known, guesses, *(f"2001:db8::{n}" for n in range(20)))
    assert answers == {"UnauthorizedError": FAILURES, "RateLimitedError": 20 - FAILURES}
    assert await admitted(keys, known, [new_key()], "2001:db8:0:1::1") == {"UnauthorizedError": 1}


async def test_a_valid_key_at_once_is_looked_up_once_and_no_guess(
    keys: ApiKeyAuthenticator, own_database: OpenDatabase, clock: Clock
) -> None:
    async with own_database.sessions() as session:
        issued = [await issue(session) for _ in range(2 * FAILURES)]
    known = Counted(own_database.reader)
    for key in issued:
        assert await admitted(keys, known, [key] * 50, "192.0.2.1") == {public_id(key): 50}
    assert known.looked_up == len(issued)
    clock.seconds = CACHE_TTL_SECONDS
    assert (await admitted(keys, known, issued * 10, "192.0.2.1")).total() == 20 * FAILURES
    assert known.looked_up == 2 * len(issued)


async def test_who_goes_away_takes_the_answer_from_nobody(
    keys: ApiKeyAuthenticator, own_database: OpenDatabase
) -> None:
    async with own_database.sessions() as session:
        key = await issue(session)
    known = Counted(own_database.reader)
    first, second = [
        asyncio.create_task(keys.authenticate(key, scope=Scope.WRITE, address="", keys=known)) for _ in range(2)
    ]
    await asyncio.sleep(0)  # both are waiting now
    first.cancel()
    assert await second == public_id(key)
    assert first.cancelled()
    assert known.looked_up == 1


async def test_a_request_without_a_key_is_no_guess(keyed_client: AsyncClient, session: AsyncSession) -> None:
    for _ in range(FAILURES + 1):
        assert refusal(await keyed_client.post("/me")) == (401, "unauthorized")
    assert (await me(keyed_client, await issue(session))).is_success


async def test_a_database_that_is_away_is_not_a_wrong_key(
    keyed_app: FastAPI, keyed_client: AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    key = await issue(session)
    there, away = keyed_app.state.database, Database.connect("postgresql://nobody@127.0.0.1:1/nothing", settings)
    keyed_app.state.database = away
    for _ in range(FAILURES + 1):
        assert refusal(await me(keyed_client, key)) == (503, "service_unavailable")
    keyed_app.state.database = there
    assert (await me(keyed_client, key)).is_success
    keyed_app.state.database = away
    assert (await me(keyed_client, key)).is_success, "what is remembered needs no database"


async def test_a_key_is_known_from_its_first_write_until_it_is_refused(
    keyed_client: AsyncClient, session: AsyncSession, keys: ApiKeyAuthenticator, clock: Clock
) -> None:
    key = await issue(session)
    assert keys.cached_client_id(key) is None
    await me(keyed_client, key)
    assert (keys.cached_client_id(key), keys.cached_client_id(new_key()), keys.cached_client_id("")) == (
        public_id(key),
        None,
        None,
    )
    clock.seconds = CACHE_TTL_SECONDS
    assert keys.cached_client_id(key) == public_id(key)
    await session.execute(text("UPDATE api_keys SET revoked_at = now()"))
    await session.commit()
    assert refusal(await me(keyed_client, key)) == (401, "unauthorized")
    assert keys.cached_client_id(key) is None


async def test_no_more_than_1024_keys_are_remembered(
    database: OpenDatabase, session: AsyncSession, keys: ApiKeyAuthenticator, clock: Clock
) -> None:
    issued = [new_key() for _ in range(1030)]
    session.add_all(map(entity, issued))
    await session.commit()
    known = ApiKeyRepository(database.reader)
    for key in issued:
        await keys.authenticate(key, scope=Scope.WRITE, address="", keys=known)
    assert [keys.cached_client_id(key) is not None for key in issued] == [False] * 6 + [True] * 1024
    clock.seconds = CACHE_TTL_SECONDS
    await keys.authenticate(issued[10], scope=Scope.WRITE, address="", keys=known)
    assert len(keys._clients) == 1024, "to ask again about one makes none forgotten"


async def test_where_keys_are_off_everybody_writes(client: AsyncClient, app: FastAPI) -> None:
    assert isinstance(app.state.authenticator, AllowAll)
    assert refusal(await client.delete("/hotels/1", headers={HEADER: new_key()})) == (404, "hotel_not_found")
    assert app.state.authenticator.cached_client_id(new_key()) is None
