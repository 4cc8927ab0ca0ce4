"""A write is committed before its response is sent, and a read sees a single snapshot."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Final

import pytest
from psycopg2 import extensions
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.statements import CompiledStatement, Executor, R
from tests.support.clients import build_client
from tests.support.databases import connect_autocommit
from tests.support.deal_bodies import PLAIN_DEAL, PLAIN_HOTEL
from tests.support.service import Service

_NEXT_VERSION: Final = """
    WITH next AS (UPDATE deals SET version = version + 1 RETURNING version),
        category AS (INSERT INTO categories (name) SELECT version FROM next RETURNING id)
    UPDATE deal_categories SET category_id = category.id FROM category
"""


@pytest.fixture
def other_connection(service: Service) -> Iterator[extensions.connection]:
    """A separate connection in autocommit mode."""
    with closing(connect_autocommit(service.url)) as connection:
        yield connection


@pytest.fixture
async def hotel(service: Service) -> int:
    """The id of the only hotel."""
    await service.empty()
    return int((await service.create("/hotels", PLAIN_HOTEL))["id"])


class CommittedVersionsMiddleware:
    """Reads the committed versions of all deals when a response of `app` starts."""

    def __init__(self, app: ASGIApp, other_connection: extensions.connection) -> None:
        self._app = app
        self._connection = other_connection
        self.versions: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def read_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._read_versions()
            await send(message)

        await self._app(scope, receive, read_and_send)

    def _read_versions(self) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT version FROM deals")
            self.versions = [version for (version,) in cursor.fetchall()]


async def test_write_is_committed_before_its_response_is_sent(
    service: Service, hotel: int, other_connection: extensions.connection
) -> None:
    middleware = CommittedVersionsMiddleware(service.app, other_connection)
    async with build_client(middleware) as client:
        watched_service = replace(service, client=client)
        for _ in range(34):
            deal = await watched_service.create("/deals", {**PLAIN_DEAL, "hotel_id": hotel})
            assert middleware.versions == [1]
            await watched_service.send("PATCH", f"/deals/{deal['id']}", {"star_rating": 5})
            assert middleware.versions == [2]
            await client.delete(f"/deals/{deal['id']}")
            assert middleware.versions == []


class InterleavedWriter:
    """An executor that writes a new version of every deal after each statement."""

    def __init__(self, executor: Executor, other_connection: extensions.connection) -> None:
        self._executor = executor
        self._connection = other_connection

    async def fetch_all(self, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        rows = await self._executor.fetch_all(statement, values)
        with self._connection.cursor() as cursor:
            cursor.execute(_NEXT_VERSION)
        return rows


async def test_get_and_list_deals_return_version_and_categories_of_one_snapshot(
    service: Service, hotel: int, other_connection: extensions.connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The category of each version is its number, and a new version follows each statement of the service."""
    deal = await service.create("/deals", {**PLAIN_DEAL, "hotel_id": hotel, "categories": ["1"]})
    monkeypatch.setattr(service.database, "reads", InterleavedWriter(service.database.reads, other_connection))
    read = await service.get(f"/deals/{deal['id']}")
    (listed,) = (await service.get("/deals"))["items"]
    assert read["categories"] == [str(read["version"])]
    assert listed["categories"] == [str(listed["version"])]
    assert listed["version"] > read["version"]
