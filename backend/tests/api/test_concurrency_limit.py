"""More than the process can serve, and clients that do not wait."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Final

import pytest
from httpx import ASGITransport, AsyncClient
from psycopg2.extensions import connection
from pydantic import SecretStr
from starlette.types import Message, Receive, Scope, Send

from app.config import Settings
from app.errors import ServiceUnavailableError
from app.main import create_app
from app.middlewares.concurrency_limit import ConcurrencyLimitMiddleware
from tests.support.databases import OpenDatabase, connect
from tests.support.raw_http import RawConnection, serving

POST = b"POST /hotels HTTP/1.1\r\nhost: deals.test\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n"
READING: Final[Scope] = {"type": "http", "method": "GET", "path": "/deals"}
WRITING: Final[Scope] = {"type": "http", "method": "POST", "path": "/deals"}
WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active' AND wait_event_type = 'Lock'
"""


@pytest.fixture
def bystander(own_url: str) -> Iterator[connection]:
    """A connection of its own, on which each statement is a transaction."""
    other = connect(own_url)
    other.autocommit = True
    yield other
    other.close()


@pytest.fixture
def locker(own_url: str) -> Iterator[connection]:
    """Keeps everybody from the categories, until it is closed."""
    other = connect(own_url)
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE categories")
    yield other
    other.close()


def _waiting(bystander: connection) -> int:
    with bystander.cursor() as cursor:
        cursor.execute(WAITING)
        (number,) = cursor.fetchone() or (0,)
        return int(number)


async def _until_waiting(bystander: connection, *, number: int) -> None:
    async with asyncio.timeout(20):
        while await asyncio.to_thread(_waiting, bystander) != number:
            pass


async def test_what_is_more_than_can_be_served_is_turned_away_at_once(
    own_url: str, settings: Settings, locker: connection, bystander: connection
) -> None:
    patient = {"database_lock_timeout": 60.0, "database_statement_timeout": 60.0, "request_timeout": 60.0}
    settings = settings.model_copy(update={"request_concurrency_limit": 3, **patient})
    app, database = create_app(settings), OpenDatabase.connect(own_url, settings)
    app.state.database = database
    async with AsyncClient(transport=ASGITransport(app), base_url="http://deals.test") as client:
        slow = [asyncio.create_task(client.get("/categories")) for _ in range(3)]
        await _until_waiting(bystander, number=3)
        answer = await client.get("/hotels")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_unavailable")
        assert (answer.headers["retry-after"], "x-request-id" in answer.headers) == ("1", True)
        assert [(await client.get(path)).status_code for path in ("/health", "/health/ready")] == [200, 200]
        locker.rollback()
        assert {one.status_code for one in await asyncio.gather(*slow)} == {200}
        assert (await client.get("/hotels")).status_code == 200
    await database.close()


def test_a_read_is_given_up_with_its_client_and_idle_connections_do_not_count(
    own_url: str, settings: Settings, locker: connection, bystander: connection
) -> None:
    """All connections to the database would be taken by clients that are gone."""
    patient = {
        "database_lock_timeout": 60.0,
        "database_statement_timeout": 60.0,
        "request_timeout": 60.0,
        "database_pool_timeout": 60.0,
    }
    bounds = {"database_pool_size": 2, "database_pool_max_overflow": 0, "request_concurrency_limit": 2}
    url = SecretStr(own_url)
    with serving(create_app(settings.model_copy(update={"database_url": url, **patient, **bounds}))) as port:
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        for _ in range(2):
            gone = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
            for one in gone:
                one.sendall(b"GET /categories HTTP/1.1\r\nhost: deals.test\r\n\r\n")
            asyncio.run(_until_waiting(bystander, number=2))
            for one in gone:
                one.close()
            asyncio.run(_until_waiting(bystander, number=0))
        with RawConnection(port) as wire:
            assert wire.request("GET", "/hotels").status == 200
        for one in idle:
            one.close()


def test_a_body_that_is_on_its_way_takes_no_place(own_url: str, settings: Settings) -> None:
    bounds = {"database_url": SecretStr(own_url), "request_concurrency_limit": 2}
    with serving(create_app(settings.model_copy(update=bounds))) as port:
        trickling = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        for one in trickling:
            one.sendall(POST + b'{"name": ')
        with RawConnection(port) as wire:
            assert wire.request("GET", "/hotels").status == 200
        for one in trickling:
            one.close()


async def _never() -> Message:
    """Nothing comes from the client."""
    await asyncio.Event().wait()
    raise AssertionError


async def test_an_answer_that_its_client_does_not_read_takes_no_place() -> None:
    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    unread = asyncio.Event()

    async def wait(message: Message) -> None:
        """As the server does while the client does not take what it was sent before."""
        unread.set()
        await asyncio.Event().wait()

    answered: list[str] = []

    async def take(message: Message) -> None:
        answered.append(message["type"])

    admission = ConcurrencyLimitMiddleware(answering, most=1)
    waiting = asyncio.create_task(admission(READING, _never, wait))
    await unread.wait()
    for _ in range(2):
        await admission(READING, _never, take)
    waiting.cancel()
    assert answered == ["http.response.start", "http.response.body"] * 2


async def test_a_write_whose_body_is_there_takes_a_place() -> None:
    working = asyncio.Event()

    async def work(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        working.set()
        await asyncio.Event().wait()

    async def body() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    admission = ConcurrencyLimitMiddleware(work, most=1)
    first = asyncio.create_task(admission(WRITING, body, _never_sent))
    await working.wait()
    with pytest.raises(ServiceUnavailableError):
        async with asyncio.timeout(5):
            await admission(WRITING, body, _never_sent)
    first.cancel()


async def test_a_read_that_looks_whether_its_client_is_there_takes_a_place() -> None:
    looking = asyncio.Event()

    async def work(scope: Scope, receive: Receive, send: Send) -> None:
        asyncio.get_running_loop().call_soon(looking.set)
        await receive()

    admission = ConcurrencyLimitMiddleware(work, most=1)
    working = asyncio.create_task(admission(READING, _never, _never_sent))
    await looking.wait()
    with pytest.raises(ServiceUnavailableError):
        async with asyncio.timeout(5):
            await admission(READING, _never, _never_sent)
    working.cancel()


async def _never_sent(message: Message) -> None:
    raise AssertionError(message)
