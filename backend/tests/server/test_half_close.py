"""Clients that close their sending side after a request, as `nc` does, and clients that close the connection."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

import pytest
from psycopg2.extensions import connection
from pydantic import SecretStr

from app.config import Settings
from app.main import create_app
from tests.support.api_catalogue import Catalogue, filled_catalogue
from tests.support.databases import connect, connect_autocommit
from tests.support.deal_bodies import PLAIN_HOTEL
from tests.support.raw_http import serving

HOST: Final = b"host: deals.test\r\n"
GET: Final = b"GET /deals/1 HTTP/1.1\r\n" + HOST + b"\r\n"
HOTEL: Final = json.dumps(PLAIN_HOTEL).encode()
POST: Final = b"POST /hotels HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\n"
COMPLETE: Final = {
    "GET": (GET, [200]),
    "GET of HTTP/1.0": (b"GET /deals/1 HTTP/1.0\r\n\r\n", [200]),
    "HEAD": (b"HEAD" + GET[3:], [200]),
    "DELETE": (b"DELETE /deals/1 HTTP/1.1\r\n" + HOST + b"\r\n", [204]),
    "POST": (POST + b"content-length: %d\r\n\r\n" % len(HOTEL) + HOTEL, [201]),
    "POST in chunks": (
        POST + b"transfer-encoding: chunked\r\n\r\n%x\r\n" % len(HOTEL) + HOTEL + b"\r\n0\r\n\r\n",
        [201],
    ),
    "an error": (b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
    "three requests": (GET + POST + b"content-length: 2\r\n\r\n{}" + GET, [200, 422, 200]),
    "a request and half of one": (GET + GET[:-2], [200]),
}
INCOMPLETE: Final = {
    "nothing": b"",
    "half a request": GET[:-2],
    "half a body": POST + b"content-length: 999\r\n\r\n{",
    "half of the chunks": POST + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
}
LONG_TIMEOUTS: Final = dict.fromkeys(("database_lock_timeout", "database_statement_timeout", "request_timeout"), 60.0)
INTERIM: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
COUNT_WAITING: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND wait_event_type = 'Lock'
"""


@pytest.fixture
def own_catalogue(own_url: str) -> Iterator[Catalogue]:
    with filled_catalogue(own_url) as catalogue:
        yield catalogue


@pytest.fixture
def own_port(own_catalogue: Catalogue, settings: Settings) -> Iterator[int]:
    """The port of a service whose statements may wait for a minute."""
    changes = {"database_url": SecretStr(own_catalogue.url), **LONG_TIMEOUTS}
    with serving(create_app(settings.model_copy(update=changes))) as port:
        yield port


@contextmanager
def half_closed(port: int, data: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        yield client


def read_to_end(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(("request_", "statuses"), COMPLETE.values(), ids=COMPLETE)
def test_complete_requests_get_responses(own_port: int, request_: bytes, statuses: list[int]) -> None:
    with half_closed(own_port, request_) as client:
        received = read_to_end(client).replace(INTERIM, b"")
    assert [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]] == statuses


@pytest.mark.parametrize("data", INCOMPLETE.values(), ids=INCOMPLETE)
def test_connection_is_closed_after_an_incomplete_request(own_port: int, data: bytes) -> None:
    with half_closed(own_port, data) as client:
        assert read_to_end(client) == b""


@pytest.fixture
def locker(own_catalogue: Catalogue) -> Iterator[connection]:
    """Holds a lock that reads and writes of deals and hotels wait for."""
    other = connect(own_catalogue.url)
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE deals, hotels")
    yield other
    other.close()


def wait_for_statements(own_catalogue: Catalogue, *, number: int) -> None:
    """Return when this number of statements waits for the lock."""
    deadline = time.monotonic() + 20
    with closing(connect_autocommit(own_catalogue.url)) as observer, observer.cursor() as cursor:
        waiting = None
        while waiting != (number,):
            assert time.monotonic() < deadline, f"{waiting} statements wait"
            cursor.execute(COUNT_WAITING)
            waiting = cursor.fetchone()


@pytest.mark.parametrize("name", ["GET", "POST", "HEAD"])
def test_slow_response_follows_interim_responses(own_port: int, locker: connection, name: str) -> None:
    request, [status] = COMPLETE[name]
    with half_closed(own_port, request) as client:
        received = b""
        while received != INTERIM * 3:  # by now a closed connection would have been noticed
            received += client.recv(len(INTERIM))
        locker.rollback()
        rest = read_to_end(client)
    assert rest.replace(INTERIM, b"").startswith(b"HTTP/1.1 %d " % status)


def test_slow_response_of_http_1_0_follows_no_interim_responses(
    own_port: int, own_catalogue: Catalogue, locker: connection
) -> None:
    request, _ = COMPLETE["GET of HTTP/1.0"]
    with half_closed(own_port, request) as client:
        wait_for_statements(own_catalogue, number=1)
        locker.rollback()
        assert read_to_end(client).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("shuts_down", [False, True], ids=["closed", "shut down and closed"])
def test_read_of_a_closed_connection_is_cancelled(
    own_port: int, own_catalogue: Catalogue, locker: connection, *, shuts_down: bool
) -> None:
    with socket.create_connection(("127.0.0.1", own_port)) as client:
        client.sendall(GET)
        if shuts_down:
            client.shutdown(socket.SHUT_WR)
        wait_for_statements(own_catalogue, number=1)
    wait_for_statements(own_catalogue, number=0)
