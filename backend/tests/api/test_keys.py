"""API keys: authentication, scopes, caching and failed attempts with AUTH_MODE=writes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, Final

import pytest
from fastapi import APIRouter, FastAPI, Request
from httpx import AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.strict_route import StrictRoute
from app.auth.dependencies import REQUIRE_WRITE
from app.auth.service import CACHE_TTL_SECONDS, AllowAll, ApiKeyAuthenticator
from app.auth.tokens import Scope, new_key, public_id
from app.config import Settings
from app.db.session import ConnectedDatabase, Database
from app.repositories.api_keys import ApiKeyQueries, StoredApiKey
from tests.support.api_keys import HEADER, INVALID_KEYS, SECRET, Clock, build_api_key, issue_key, with_keys
from tests.support.clients import build_app, build_client

FAILURES: Final = 3
YESTERDAY: Final = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def authenticator(clock: Clock) -> ApiKeyAuthenticator:
    return ApiKeyAuthenticator(secret=SECRET.encode(), failures_per_minute=FAILURES, clock=clock)


@pytest.fixture
def keyed_app(settings: Settings, database: Database, authenticator: ApiKeyAuthenticator) -> FastAPI:
    app = build_app(database, with_keys(settings))
    app.state.authenticator = authenticator

    router = APIRouter(route_class=StrictRoute)

    @router.post("/me", dependencies=REQUIRE_WRITE)
    async def get_client_id(request: Request) -> str:
        client_id: str = request.state.client
        return client_id

    app.include_router(router)
    return app


@pytest.fixture
async def keyed_client(keyed_app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with build_client(keyed_app, address="192.0.2.1") as client:
        yield client


async def post_me(client: AsyncClient, key: str) -> Response:
    return await client.post("/me", headers={HEADER: key})


def get_error(response: Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_valid_key_identifies_its_client(keyed_client: AsyncClient, session: AsyncSession) -> None:
    for scope in Scope:
        key = await issue_key(session, scope)
        response = await post_me(keyed_client, key)
        assert (response.status_code, response.json()) == (200, public_id(key))


@pytest.mark.parametrize("invalidate", INVALID_KEYS.values(), ids=INVALID_KEYS)
async def test_invalid_keys_get_the_same_401_as_no_key(
    keyed_client: AsyncClient, session: AsyncSession, invalidate: Callable[[str], str]
) -> None:
    key = await issue_key(session)
    without_key, response = await keyed_client.post("/me"), await post_me(keyed_client, invalidate(key))
    assert get_error(response) == get_error(without_key) == (401, "unauthorized")
    assert response.json()["error"]["message"] == without_key.json()["error"]["message"]
    assert response.headers["www-authenticate"] == without_key.headers["www-authenticate"] == "ApiKey"


async def test_key_digested_with_another_secret_is_rejected(
    keyed_app: FastAPI, keyed_client: AsyncClient, session: AsyncSession
) -> None:
    key = await issue_key(session)
    keyed_app.state.authenticator = ApiKeyAuthenticator(secret=SECRET[::-1].encode(), failures_per_minute=FAILURES)
    assert get_error(await post_me(keyed_client, key)) == (401, "unauthorized")


async def test_expired_key_is_rejected(keyed_client: AsyncClient, session: AsyncSession) -> None:
    key = await issue_key(session, expires_at=YESTERDAY)
    assert get_error(await post_me(keyed_client, key)) == (401, "unauthorized")


async def test_revoked_key_is_rejected_after_three_seconds(
    keyed_client: AsyncClient, session: AsyncSession, clock: Clock
) -> None:
    key = await issue_key(session)
    assert (await post_me(keyed_client, key)).is_success
    await session.execute(text("UPDATE api_keys SET revoked_at = now()"))
    await session.commit()
    clock.seconds = CACHE_TTL_SECONDS - 0.1
    assert (await post_me(keyed_client, key)).is_success, "cached without a lookup"
    clock.seconds = CACHE_TTL_SECONDS
    assert get_error(await post_me(keyed_client, key)) == (401, "unauthorized")
    assert CACHE_TTL_SECONDS <= 3


async def test_key_is_not_cached_beyond_its_expiry(
    keyed_client: AsyncClient, session: AsyncSession, clock: Clock
) -> None:
    key = await issue_key(session, expires_at=datetime.now(UTC) + timedelta(seconds=2))
    assert (await post_me(keyed_client, key)).is_success
    await session.execute(text("UPDATE api_keys SET expires_at = now()"))
    await session.commit()
    clock.seconds = 2.0
    assert get_error(await post_me(keyed_client, key)) == (401, "unauthorized")


async def test_delete_hotel_requires_the_admin_scope(keyed_client: AsyncClient, session: AsyncSession) -> None:
    writer, admin = [await issue_key(session, scope) for scope in Scope]
    responses = [await keyed_client.delete("/hotels/1", headers={HEADER: key}) for key in (writer, admin)]
    assert [get_error(response) for response in responses] == [(403, "forbidden"), (404, "hotel_not_found")]
    assert get_error(await keyed_client.delete("/deals/1", headers={HEADER: writer})) == (404, "deal_not_found")


@pytest.mark.parametrize(
    "request_arguments",
    [
        {"url": "/deals", "content": b"{", "headers": {"content-type": "application/json"}},
        {"url": "/deals", "content": b"x", "headers": {"content-type": "text/plain"}},
        {"url": "/deals", "json": {"colour": "red"}},
        {"url": "/deals?colour=red", "json": {}},
        {"url": "/hotels/first", "method": "PATCH", "json": {}},
    ],
)
async def test_invalid_request_without_a_key_returns_only_401(
    keyed_client: AsyncClient, request_arguments: dict[str, Any]
) -> None:
    assert get_error(await keyed_client.request(**{"method": "POST"} | request_arguments)) == (401, "unauthorized")


async def test_unknown_routes_without_a_key_return_404_or_405(keyed_client: AsyncClient) -> None:
    assert get_error(await keyed_client.post("/nothing")) == (404, "not_found")
    assert get_error(await keyed_client.put("/deals")) == (405, "method_not_allowed")
    assert get_error(await keyed_client.delete("/deals/stats")) == (405, "method_not_allowed")


async def test_reads_need_no_key(keyed_client: AsyncClient) -> None:
    for path in ("/deals", "/deals/stats", "/hotels", "/categories", "/health", "/openapi.json", "/docs"):
        assert (await keyed_client.get(path)).is_success, path


async def test_failed_attempts_are_limited_per_address(
    keyed_app: FastAPI, keyed_client: AsyncClient, session: AsyncSession, clock: Clock
) -> None:
    cached_key, new = await issue_key(session), await issue_key(session)
    assert (await post_me(keyed_client, cached_key)).is_success
    for _ in range(FAILURES):
        assert get_error(await post_me(keyed_client, new_key())) == (401, "unauthorized")
    for key in (new_key(), "let me in", new):
        response = await post_me(keyed_client, key)
        assert get_error(response) == (429, "rate_limited")
        assert 1 <= int(response.headers["retry-after"]) <= 60
    async with build_client(keyed_app, address="192.0.2.2") as other:
        assert (await post_me(other, new)).is_success
    for clock.seconds in (0.0, CACHE_TTL_SECONDS):
        assert (await post_me(keyed_client, cached_key)).is_success, "a cached key at the same address still works"


class CountingApiKeyQueries(ApiKeyQueries):
    """Counts its lookups."""

    lookups = 0

    async def get(self, public_id: str) -> StoredApiKey | None:
        self.lookups += 1
        return await super().get(public_id)


async def authenticate_concurrently(
    authenticator: ApiKeyAuthenticator, queries: ApiKeyQueries, presented: list[str], *addresses: str
) -> Counter[str]:
    """Authenticate several keys at once; count the client ids and the names of the errors."""
    results = await asyncio.gather(
        *(
            authenticator.authenticate(key, scope=Scope.WRITE, address=address, keys=queries)
            for key, address in zip(presented, cycle(addresses), strict=False)
        ),
        return_exceptions=True,
    )
    return Counter(result if isinstance(result, str) else type(result).__name__ for result in results)


async def test_concurrent_failed_attempts_are_limited(
    authenticator: ApiKeyAuthenticator, own_database: ConnectedDatabase
) -> None:
    queries, guesses = CountingApiKeyQueries(own_database.reads), [new_key() for _ in range(150)]
    results = await authenticate_concurrently(authenticator, queries, guesses, "192.0.2.1")
    assert results == {"UnauthorizedError": FAILURES, "RateLimitedError": 150 - FAILURES}
    assert queries.lookups == FAILURES


async def test_failed_attempts_are_limited_per_ipv6_network(
    authenticator: ApiKeyAuthenticator, own_database: ConnectedDatabase
) -> None:
    queries, guesses = CountingApiKeyQueries(own_database.reads), [new_key() for _ in range(20)]
    results = await authenticate_concurrently(authenticator, queries, guesses, *(f"2001:db8::{n}" for n in range(20)))
    assert results == {"UnauthorizedError": FAILURES, "RateLimitedError": 20 - FAILURES}
    assert await authenticate_concurrently(authenticator, queries, [new_key()], "2001:db8:0:1::1") == {
        "UnauthorizedError": 1
    }


async def test_concurrent_requests_with_one_valid_key_share_a_lookup(
    authenticator: ApiKeyAuthenticator, own_database: ConnectedDatabase, clock: Clock
) -> None:
    async with own_database.sessions() as session:
        issued = [await issue_key(session) for _ in range(2 * FAILURES)]
    queries = CountingApiKeyQueries(own_database.reads)
    for key in issued:
        assert await authenticate_concurrently(authenticator, queries, [key] * 50, "192.0.2.1") == {public_id(key): 50}
    assert queries.lookups == len(issued)
    clock.seconds = CACHE_TTL_SECONDS
    assert (await authenticate_concurrently(authenticator, queries, issued * 10, "192.0.2.1")).total() == 20 * FAILURES
    assert queries.lookups == 2 * len(issued)


async def test_cancelled_request_does_not_cancel_the_shared_lookup(
    authenticator: ApiKeyAuthenticator, own_database: ConnectedDatabase
) -> None:
    async with own_database.sessions() as session:
        key = await issue_key(session)
    queries = CountingApiKeyQueries(own_database.reads)
    first, second = [
        asyncio.create_task(authenticator.authenticate(key, scope=Scope.WRITE, address="", keys=queries))
        for _ in range(2)
    ]
    await asyncio.sleep(0)  # both tasks wait for the lookup now
    first.cancel()
    assert await second == public_id(key)
    assert first.cancelled()
    assert queries.lookups == 1


async def test_requests_without_a_key_are_not_failed_attempts(keyed_client: AsyncClient, session: AsyncSession) -> None:
    for _ in range(FAILURES + 1):
        assert get_error(await keyed_client.post("/me")) == (401, "unauthorized")
    assert (await post_me(keyed_client, await issue_key(session))).is_success


async def test_unreachable_database_is_not_a_failed_attempt(
    keyed_app: FastAPI, keyed_client: AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    key = await issue_key(session)
    reachable, unreachable = (
        keyed_app.state.database,
        ConnectedDatabase.connect("postgresql://nobody@127.0.0.1:1/nothing", settings),
    )
    keyed_app.state.database = unreachable
    for _ in range(FAILURES + 1):
        assert get_error(await post_me(keyed_client, key)) == (503, "service_unavailable")
    keyed_app.state.database = reachable
    assert (await post_me(keyed_client, key)).is_success
    keyed_app.state.database = unreachable
    assert (await post_me(keyed_client, key)).is_success, "a cached key needs no database"


async def test_client_id_is_cached_from_the_first_write_until_rejection(
    keyed_client: AsyncClient, session: AsyncSession, authenticator: ApiKeyAuthenticator, clock: Clock
) -> None:
    key = await issue_key(session)
    assert authenticator.cached_client_id(key) is None
    await post_me(keyed_client, key)
    assert (
        authenticator.cached_client_id(key),
        authenticator.cached_client_id(new_key()),
        authenticator.cached_client_id(""),
    ) == (
        public_id(key),
        None,
        None,
    )
    clock.seconds = CACHE_TTL_SECONDS
    assert authenticator.cached_client_id(key) == public_id(key)
    await session.execute(text("UPDATE api_keys SET revoked_at = now()"))
    await session.commit()
    assert get_error(await post_me(keyed_client, key)) == (401, "unauthorized")
    assert authenticator.cached_client_id(key) is None


async def test_at_most_1024_keys_are_cached(
    database: Database, session: AsyncSession, authenticator: ApiKeyAuthenticator, clock: Clock
) -> None:
    issued = [new_key() for _ in range(1030)]
    session.add_all(map(build_api_key, issued))
    await session.commit()
    queries = ApiKeyQueries(database.reads)
    for key in issued:
        await authenticator.authenticate(key, scope=Scope.WRITE, address="", keys=queries)
    assert [authenticator.cached_client_id(key) is not None for key in issued] == [False] * 6 + [True] * 1024
    clock.seconds = CACHE_TTL_SECONDS
    await authenticator.authenticate(issued[10], scope=Scope.WRITE, address="", keys=queries)
    assert all(authenticator.cached_client_id(key) for key in issued[6:]), "renewing a cached key evicts none"


async def test_writes_need_no_key_when_auth_is_off(client: AsyncClient, app: FastAPI) -> None:
    assert isinstance(app.state.authenticator, AllowAll)
    assert get_error(await client.delete("/hotels/1", headers={HEADER: new_key()})) == (404, "hotel_not_found")
    assert app.state.authenticator.cached_client_id(new_key()) is None
