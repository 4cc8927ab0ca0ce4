"""What is told is true: a success is committed before it leaves, and a read is of one moment."""

from collections.abc import Iterator, Mapping
from typing import Final

import pytest
from httpx import ASGITransport, AsyncClient
from psycopg2.extensions import connection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.statements import CompiledStatement, Executor, R
from tests.support.databases import connect, text_of
from tests.support.deal_bodies import PLAIN_DEAL
from tests.support.service import Service

_HOTEL: Final = {"name": "Crown Tower", "city": "Toronto", "country": "Canada", "phone": "+1-416-555-1333"}
_NEXT_VERSION: Final = """
    WITH next AS (UPDATE deals SET version = version + 1 RETURNING version),
        filing AS (INSERT INTO categories (name) SELECT version FROM next RETURNING id)
    UPDATE deal_categories SET category_id = filing.id FROM filing
"""


@pytest.fixture
def bystander(service: Service) -> Iterator[connection]:
    """A connection of its own, on which each statement is a transaction."""
    other = connect(text_of(service.database.engine.url))
    other.autocommit = True
    yield other
    other.close()


@pytest.fixture
async def hotel(service: Service) -> int:
    """The id of the only hotel."""
    await service.empty()
    return int((await service.create("/hotels", _HOTEL))["id"])


class Watched:
    """`app`, with a look at all versions of deals whenever an answer is about to leave it."""

    def __init__(self, app: ASGIApp, bystander: connection) -> None:
        self._app = app
        self._bystander = bystander
        self.versions: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def look_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._look()
            await send(message)

        await self._app(scope, receive, look_and_send)

    def _look(self) -> None:
        with self._bystander.cursor() as cursor:
            cursor.execute("SELECT version FROM deals")
            self.versions = [version for (version,) in cursor.fetchall()]


async def test_a_write_can_be_seen_by_others_before_its_answer_leaves(
    service: Service, hotel: int, bystander: connection
) -> None:
    watched = Watched(service.app, bystander)
    async with AsyncClient(transport=ASGITransport(watched), base_url="http://deals.test") as client:
        watched_service = Service(service.app, client, service.database)
        for _ in range(34):
            deal = await watched_service.create("/deals", {**PLAIN_DEAL, "hotel_id": hotel})
            assert watched.versions == [1]
            await watched_service.send("PATCH", f"/deals/{deal['id']}", {"star_rating": 5})
            assert watched.versions == [2]
            await client.delete(f"/deals/{deal['id']}")
            assert watched.versions == []


class Overtaken:
    """A reader behind whose every question there is a new version of every deal."""

    def __init__(self, reader: Executor, bystander: connection) -> None:
        self._reader = reader
        self._bystander = bystander

    async def fetch_all(self, question: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        rows = await self._reader.fetch_all(question, values)
        with self._bystander.cursor() as cursor:
            cursor.execute(_NEXT_VERSION)
        return rows


async def test_a_deal_is_read_with_the_categories_of_its_version(
    service: Service, hotel: int, bystander: connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every version of the deal is filed under its own number, and there is a new one whenever the service looks."""
    deal = await service.create("/deals", {**PLAIN_DEAL, "hotel_id": hotel, "categories": ["1"]})
    monkeypatch.setattr(service.database, "reader", Overtaken(service.database.reader, bystander))
    read = await service.get(f"/deals/{deal['id']}")
    (listed,) = (await service.get("/deals"))["items"]
    assert read["categories"] == [str(read["version"])]
    assert listed["categories"] == [str(listed["version"])]
    assert listed["version"] > read["version"]
