"""The limit on requests in flight, and reads of disconnected clients."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Final

import pytest
from psycopg2.extensions import connection
from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.config import Settings
from app.errors import ServiceUnavailableError
from app.main import create_app
from app.middlewares.concurrency_limit import ConcurrencyLimitMiddleware
from tests.support.clients import build_app, build_client, open_database
from tests.support.databases import connect
from tests.support.raw_http import RawConnection, serving

POST: Final = (
    b"POST /hotels HTTP/1.1\r\nhost: deals.test\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n"
)
GET_SCOPE: Final[Scope] = {"type": "http", "method": "GET", "path": "/deals"}
POST_SCOPE: Final[Scope] = {"type": "http", "method": "POST", "path": "/deals"}
COUNT_WAITING: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active' AND wait_event_type = 'Lock'
"""
LONG_TIMEOUTS: Final = {
    "database_lock_timeout": 60.0,
    "database_statement_timeout": 60.0,
    "database_pool_timeout": 60.0,
    "request_timeout": 60.0,
}


@pytest.fixture
def locker(own_url: str) -> Iterator[connection]:
    """Holds a lock on the categories, which blocks GET /categories, until its rollback or the end of the test."""
    other = connect(own_url)
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE categories")
    yield other
    other.close()


def _count_waiting(other_connection: connection) -> int:
    with other_connection.cursor() as cursor:
        cursor.execute(COUNT_WAITING)
        (number,) = cursor.fetchone() or (0,)
        return int(number)


async def _until_waiting(other_connection: connection, *, number: int) -> None:
    """Return when this number of statements waits for a lock."""
    async with asyncio.timeout(20):
        while await asyncio.to_thread(_count_waiting, other_connection) != number:
            pass


async def test_requests_beyond_the_limit_get_503_at_once(
    own_url: str, settings: Settings, locker: connection, other_connection: connection
) -> None:
    settings = settings.model_copy(update={"request_concurrency_limit": 3, **LONG_TIMEOUTS})
    async with open_database(own_url, settings) as database, build_client(build_app(database, settings)) as client:
        blocked = [asyncio.create_task(client.get("/categories")) for _ in range(3)]
        await _until_waiting(other_connection, number=3)
        response = await client.get("/hotels")
        assert (response.status_code, response.json()["error"]["code"]) == (503, "service_unavailable")
        assert (response.headers["retry-after"], "x-request-id" in response.headers) == ("1", True)
        assert [(await client.get(path)).status_code for path in ("/health", "/health/ready")] == [200, 200]
        locker.rollback()
        assert {response.status_code for response in await asyncio.gather(*blocked)} == {200}
        assert (await client.get("/hotels")).status_code == 200


def test_disconnected_reads_release_their_connections_and_idle_connections_do_not_count(
    own_url: str, settings: Settings, locker: connection, other_connection: connection
) -> None:
    limits = {"database_pool_size": 2, "database_pool_max_overflow": 0, "request_concurrency_limit": 2}
    changes = {"database_url": SecretStr(own_url), **LONG_TIMEOUTS, **limits}
    with serving(create_app(settings.model_copy(update=changes))) as port:
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        for _ in range(2):
            clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
            for client in clients:
                client.sendall(b"GET /categories HTTP/1.1\r\nhost: deals.test\r\n\r\n")
            asyncio.run(_until_waiting(other_connection, number=2))
            for client in clients:
                client.close()
            asyncio.run(_until_waiting(other_connection, number=0))
        with RawConnection(port) as raw:
            assert raw.request("GET", "/hotels").status == 200
        for client in idle:
            client.close()


def test_requests_with_incomplete_bodies_do_not_count(own_url: str, settings: Settings) -> None:
    changes = {"database_url": SecretStr(own_url), "request_concurrency_limit": 2}
    with serving(create_app(settings.model_copy(update=changes))) as port:
        uploads = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        for upload in uploads:
            upload.sendall(POST + b'{"name": ')
        with RawConnection(port) as raw:
            assert raw.request("GET", "/hotels").status == 200
        for upload in uploads:
            upload.close()


async def _receive_nothing() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def _reject_send(message: Message) -> None:
    raise AssertionError(message)


async def test_responses_to_slow_readers_do_not_count() -> None:
    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    is_sending = asyncio.Event()

    async def send_blocked(message: Message) -> None:
        """Block as the server does while the client does not read."""
        is_sending.set()
        await asyncio.Event().wait()

    sent: list[str] = []

    async def send(message: Message) -> None:
        sent.append(message["type"])

    middleware = ConcurrencyLimitMiddleware(respond, limit=1)
    blocked = asyncio.create_task(middleware(GET_SCOPE, _receive_nothing, send_blocked))
    await is_sending.wait()
    for _ in range(2):
        await middleware(GET_SCOPE, _receive_nothing, send)
    blocked.cancel()
    assert sent == ["http.response.start", "http.response.body"] * 2


async def _assert_in_flight(app: ASGIApp, scope: Scope, receive: Receive, is_working: asyncio.Event) -> None:
    """Check that a request counts once `app` has set `is_working`."""
    middleware = ConcurrencyLimitMiddleware(app, limit=1)
    first = asyncio.create_task(middleware(scope, receive, _reject_send))
    await is_working.wait()
    with pytest.raises(ServiceUnavailableError):
        async with asyncio.timeout(5):
            await middleware(scope, receive, _reject_send)
    first.cancel()


async def test_write_counts_once_its_body_is_complete() -> None:
    is_working = asyncio.Event()

    async def work(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        is_working.set()
        await asyncio.Event().wait()

    async def receive_body() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    await _assert_in_flight(work, POST_SCOPE, receive_body, is_working)


async def test_read_counts_while_it_waits_for_a_disconnect() -> None:
    is_working = asyncio.Event()

    async def work(scope: Scope, receive: Receive, send: Send) -> None:
        asyncio.get_running_loop().call_soon(is_working.set)
        await receive()

    await _assert_in_flight(work, GET_SCOPE, _receive_nothing, is_working)
