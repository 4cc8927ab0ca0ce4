"""The log of a request in production: one access line in JSON, and the errors before it."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import IO, Any, Final
from uuid import uuid4

import pytest

from app.auth.tokens import new_key, public_id
from tests.support.api_catalogue import filled_catalogue
from tests.support.api_keys import HEADER, SECRET
from tests.support.cli import run_deals
from tests.support.databases import TestServer, connect
from tests.support.deal_bodies import PLAIN_HOTEL
from tests.support.error_assertions import assert_error
from tests.support.raw_http import JSON, RawConnection, RawResponse

pytestmark = pytest.mark.slow

ANY_PORT: Final = '{"host": "127.0.0.1", "port": 0}'
REQUESTS: Final = [
    ("GET", "/deals?limit=1", None, "/deals", 200),
    ("GET", "/deals/1", None, "/deals/{deal_id}", 200),
    ("HEAD", "/deals/1", None, "/deals/{deal_id}", 200),
    ("PATCH", "/hotels/1", b"{}", "/hotels/{hotel_id}", 200),
    ("GET", "/categories", None, "/categories", 200),
    ("GET", "/deals/999", None, "/deals/{deal_id}", 404),
]
REQUESTS_WITHOUT_QUERIES: Final = [
    ("GET", "/deals/first", None, "/deals/{deal_id}", 404),
    ("GET", "/deals?colour=red", None, "/deals", 422),
    ("POST", "/hotels", b"{", "/hotels", 400),
    ("GET", "/nothing/else?secret", None, None, 404),
]


@dataclass(frozen=True, slots=True)
class Production:
    """A server process in production mode, and its output."""

    port: int
    output: IO[str]
    url: str

    def request(
        self, method: str, target: str, body: bytes | None = None, *, headers: dict[str, str] | None = None
    ) -> tuple[RawResponse, list[dict[str, Any]]]:
        """The response, and the lines of the request up to its access line."""
        request_id = uuid4().hex
        headers = JSON | (headers or {}) | {"x-request-id": request_id}
        with RawConnection(self.port) as connection:
            response = connection.request(method, target, body or b"", headers)
        assert response.headers["x-request-id"] == request_id
        return response, self.read_lines(request_id)

    def read_lines(self, request_id: str) -> list[dict[str, Any]]:
        """The lines of a request up to its access line."""
        lines = []
        for line in map(json.loads, self.output):
            if line.get("request_id") == request_id:
                lines.append(line)
                if line["event"] == "request":
                    break
        return lines


@contextmanager
def running(server: TestServer, **variables: str) -> Iterator[Production]:
    with server.copy() as url, filled_catalogue(url):
        command = [sys.executable, "-m", "app.server.launcher", ANY_PORT]
        environment = os.environ | {"DATABASE_URL": url, "APP_ENV": "production", "APP_LOG_LEVEL": "INFO"} | variables
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield Production(_read_port(process.stdout), process.stdout, url)
            finally:
                process.terminate()
                process.stdout.read()


@pytest.fixture(scope="module")
def production(server: TestServer) -> Iterator[Production]:
    with running(server) as production:
        yield production


def _read_port(output: IO[str]) -> int:
    for line in map(json.loads, output):
        if started := re.search(r"running on http://127\.0\.0\.1:(\d+)", line["event"]):
            return int(started[1])
    raise AssertionError("the server has not started")


@pytest.mark.parametrize(("method", "target", "body", "route", "status"), [*REQUESTS, *REQUESTS_WITHOUT_QUERIES])
def test_request_writes_one_access_line(
    production: Production, method: str, target: str, body: bytes | None, route: str | None, status: int
) -> None:
    response, lines = production.request(method, target, body)
    assert response.status == status
    [line] = lines
    assert (line["level"], line["method"], line["route"], line["status"]) == ("info", method, route, status)
    assert (line["path"], line["address"]) == (target.partition("?")[0], "127.0.0.1")
    assert line.get("code") == (response.json()["error"]["code"] if status >= 400 else None)
    assert isinstance(line["ms"], float)
    assert (line["queries"] > 0) == ((method, target, body, route, status) in REQUESTS)
    assert "?" not in json.dumps(line)


def test_probes_are_not_logged_by_default(production: Production) -> None:
    with RawConnection(production.port) as connection:
        for path in ("/health", "/health/ready"):
            assert connection.request("GET", path, b"", JSON | {"x-request-id": "a-probe"}).status == 200
        assert connection.request("GET", "/categories", b"", JSON | {"x-request-id": "after-probes"}).status == 200
    lines = list(takewhile(lambda line: line.get("request_id") != "after-probes", map(json.loads, production.output)))
    assert "a-probe" not in {line.get("request_id") for line in lines}


@pytest.mark.parametrize(
    ("target", "path"),
    [("/a%0Ab%1B%5B31m", "/a%0Ab%1B%5B31m"), ("/caf%C3%A9", "/caf%C3%A9"), ("/" + "y" * 999, "/" + "y" * 199)],
)
def test_access_line_of_an_unknown_path_contains_it(production: Production, target: str, path: str) -> None:
    response, [line] = production.request("GET", target)
    assert_error(response, "not_found", value=target)
    assert (line["route"], line["path"]) == (None, path)


def test_access_line_of_an_unknown_path_contains_no_part_of_a_key(production: Production) -> None:
    key = new_key()
    secret = key.rpartition("_")[2]
    targets = {
        f"/nothing/{key}/deals": "/nothing/***/deals",
        f"/nothing/X-API-Key:{key}": "/nothing/X-API-Key%3A***",
        f"/{key.upper()}": "/***",
        f"/nothing/{key.replace('_', '%5F')}": "/nothing/***",
        f"/nothing/{secret}": "/nothing/***",
        f"/nothing/{secret[:20]}": "/nothing/***",
        f"/{'y' * 190}/{secret}": f"/{'y' * 190}/***",
        f"/{'y' * 190}/{key}": f"/{'y' * 190}/***",
    }
    for target, path in targets.items():
        _, [line] = production.request("GET", target)
        assert line["path"] == path
        assert secret[:8] not in json.dumps(line).lower()


def test_access_line_of_a_write_contains_the_client_id(server: TestServer) -> None:
    with running(server, AUTH_MODE="writes", APP_AUTH_KEY_SECRET=SECRET) as production:
        key = run_deals(production.url, "keys", "create", "--name", "A shop", APP_AUTH_KEY_SECRET=SECRET).stdout.strip()
        for status, headers in ((200, {HEADER: key}), (401, {}), (401, {HEADER: new_key()})):
            response, lines = production.request("PATCH", "/hotels/1", b"{}", headers=headers)
            assert response.status == status
            assert lines[-1].get("client") == (public_id(key) if headers.get(HEADER) == key else None)
            assert key not in json.dumps(lines)
        _, [line] = production.request("PATCH", "/hotels/999", b"{}", headers={HEADER: key})
        assert (line["status"], line["client"]) == (404, public_id(key))
        _, [line] = production.request("GET", "/deals/1", headers={HEADER: key})
        assert "client" not in line, "a read is not authenticated"


def test_sql_log_contains_every_counted_statement(server: TestServer) -> None:
    hotel = json.dumps(PLAIN_HOTEL).encode()
    requests = [
        *REQUESTS,
        ("POST", "/hotels", hotel, "/hotels", 201),
        ("POST", "/hotels", hotel, "/hotels", 409),
        ("DELETE", "/hotels/1", None, "/hotels/{hotel_id}", 409),
    ]
    with running(server, APP_LOG_SQL="true") as production:
        for method, target, body, _, status in requests:
            response, lines = production.request(method, target, body)
            assert response.status == status
            *statements, access_line = lines
            assert [line["event"] for line in statements] == ["statement"] * access_line["queries"]
            assert all(isinstance(line["ms"], float) and line["sql"] for line in statements)


def test_error_response_contains_the_logged_request_id(production: Production) -> None:
    response, [line] = production.request("GET", "/deals/999")
    assert_error(response, "deal_not_found")
    assert response.json()["error"]["request_id"] == line["request_id"]


def test_disconnect_during_the_body_is_logged_as_499(production: Production) -> None:
    head = "POST /hotels HTTP/1.1\r\nhost: deals.test\r\ncontent-type: application/json\r\ncontent-length: 99\r\n"
    with socket.create_connection(("127.0.0.1", production.port)) as client:
        client.sendall(f'{head}x-request-id: disconnected\r\n\r\n{{"name": '.encode())
    [line] = production.read_lines("disconnected")
    assert (line["level"], line["route"], line["status"]) == ("info", "/hotels", 499)


def test_lock_timeout_is_logged_with_its_own_event(production: Production) -> None:
    with connect(production.url) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE categories")
        response, lines = production.request("GET", "/categories")
    other.close()
    assert_error(response, "service_unavailable")
    assert [(line["event"], line["level"]) for line in lines] == [("lock_timeout", "warning"), ("request", "error")]
    assert lines[0]["sqlstate"] == "55P03"
    assert (lines[1]["cause"], lines[1]["code"]) == ("lock_timeout", "service_unavailable")


def test_database_error_is_logged_and_not_sent_to_the_client(production: Production) -> None:
    with connect(production.url) as other, other.cursor() as cursor:
        cursor.execute("ALTER TABLE categories RENAME TO misplaced")
    other.close()
    response, lines = production.request("GET", "/categories")
    assert_error(response, "service_unavailable")
    assert [line["event"] for line in lines] == ["database_error", "request"]
    assert "categories" in json.dumps(lines[0]["exception"])
