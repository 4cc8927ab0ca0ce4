"""What production writes about each request: one access line in JSON, and the errors behind it."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final
from uuid import uuid4

import pytest

from app.auth.tokens import new_key, public_id
from tests.support.api_catalogue import Catalogue
from tests.support.api_keys import HEADER, SECRET
from tests.support.cli import deals
from tests.support.databases import TestServer, connect
from tests.support.error_assertions import assert_error
from tests.support.raw_http import JSON, RawConnection, RawResponse

ANYWHERE: Final = '{"host": "127.0.0.1", "port": 0}'
REQUESTS: Final = [
    ("GET", "/deals?limit=1", None, "/deals", 200),
    ("GET", "/deals/1", None, "/deals/{deal_id}", 200),
    ("PATCH", "/hotels/1", b"{}", "/hotels/{hotel_id}", 200),
    ("GET", "/categories", None, "/categories", 200),
    ("GET", "/deals/999", None, "/deals/{deal_id}", 404),
]
WITHOUT_DATABASE: Final = [
    ("GET", "/health", None, "/health", 200),
    ("GET", "/deals/first", None, "/deals/{deal_id}", 404),
    ("GET", "/deals?colour=red", None, "/deals", 422),
    ("POST", "/hotels", b"{", "/hotels", 400),
    ("GET", "/nothing/secret", None, None, 404),
]


@dataclass(frozen=True, slots=True)
class Production:
    """A server in production mode in a process of its own, and what it prints."""

    port: int
    output: IO[str]
    url: str

    def ask(
        self, method: str, target: str, body: bytes | None = None, *, headers: dict[str, str] | None = None
    ) -> tuple[RawResponse, list[dict[str, Any]]]:
        """The answer, and the lines about the request up to its access line."""
        request_id = uuid4().hex
        with RawConnection(self.port) as wire:
            answer = wire.request(method, target, body or b"", JSON | (headers or {}) | {"x-request-id": request_id})
        assert answer.headers["x-request-id"] == request_id
        return answer, self.format_report(request_id)

    def format_report(self, request_id: str) -> list[dict[str, Any]]:
        """The lines about a request up to its access line."""
        lines = []
        for line in map(json.loads, self.output):
            if line.get("request_id") == request_id:
                lines.append(line)
                if line["event"] == "request":
                    break
        return lines


@contextmanager
def running(server: TestServer, **more: str) -> Iterator[Production]:
    with server.copy() as url, Catalogue.filled(url):
        command = [sys.executable, "-m", "app.server.launcher", ANYWHERE]
        environment = os.environ | {"DATABASE_URL": url, "APP_ENV": "production", "APP_LOG_LEVEL": "INFO"} | more
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield Production(_port_in(process.stdout), process.stdout, url)
            finally:
                process.terminate()
                process.stdout.read()


@pytest.fixture(scope="module")
def production(server: TestServer) -> Iterator[Production]:
    with running(server) as production:
        yield production


def _port_in(output: IO[str]) -> int:
    for line in map(json.loads, output):
        if started := re.search(r"running on http://127\.0\.0\.1:(\d+)", line["event"]):
            return int(started[1])
    raise AssertionError("the server has not started")


@pytest.mark.parametrize(("method", "target", "body", "route", "status"), [*REQUESTS, *WITHOUT_DATABASE])
def test_a_request_is_one_line(
    production: Production, method: str, target: str, body: bytes | None, route: str | None, status: int
) -> None:
    answer, lines = production.ask(method, target, body)
    assert answer.status == status
    [line] = lines
    assert (line["level"], line["method"], line["route"], line["status"]) == ("info", method, route, status)
    assert isinstance(line["ms"], float)
    assert (line["queries"] > 0) == ((method, target, body, route, status) in REQUESTS)
    assert target not in json.dumps(line) or target == route


def test_the_line_of_a_write_names_the_client(server: TestServer) -> None:
    with running(server, AUTH_MODE="writes", APP_AUTH_KEY_SECRET=SECRET) as production:
        key = deals(production.url, "keys", "create", "--name", "A shop", APP_AUTH_KEY_SECRET=SECRET).stdout.strip()
        for status, headers in ((200, {HEADER: key}), (401, {}), (401, {HEADER: new_key()})):
            answer, lines = production.ask("PATCH", "/hotels/1", b"{}", headers=headers)
            assert answer.status == status
            assert lines[-1].get("client") == (public_id(key) if headers.get(HEADER) == key else None)
            assert key not in json.dumps(lines)
        _, [line] = production.ask("PATCH", "/hotels/999", b"{}", headers={HEADER: key})
        assert (line["status"], line["client"]) == (404, public_id(key))
        _, [line] = production.ask("GET", "/deals/1", headers={HEADER: key})
        assert "client" not in line, "reading asks for no key"


def test_an_error_answer_names_its_line(production: Production) -> None:
    answer, [line] = production.ask("GET", "/deals/999")
    assert_error(answer, "deal_not_found")
    assert answer.json()["error"]["request_id"] == line["request_id"]


def test_a_client_that_hangs_up_within_its_body_is_no_fault(production: Production) -> None:
    head = "POST /hotels HTTP/1.1\r\nhost: deals.test\r\ncontent-type: application/json\r\ncontent-length: 99\r\n"
    with socket.create_connection(("127.0.0.1", production.port)) as gone:
        gone.sendall(f'{head}x-request-id: gone\r\n\r\n{{"name": '.encode())
    [line] = production.format_report("gone")
    assert (line["level"], line["route"], line["status"]) == ("info", "/hotels", 499)


def test_a_database_that_keeps_us_waiting_is_no_fault_of_ours(production: Production) -> None:
    with connect(production.url) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE categories")
        answer, lines = production.ask("GET", "/categories")
    other.close()
    assert_error(answer, "service_unavailable")
    assert [(line["event"], line["level"]) for line in lines] == [
        ("database_unavailable", "warning"),
        ("request", "info"),
    ]
    assert lines[0]["sqlstate"] == "55P03"


def test_what_went_wrong_inside_is_logged_and_not_told(production: Production) -> None:
    with connect(production.url) as broken, broken.cursor() as cursor:
        cursor.execute("ALTER TABLE categories RENAME TO misplaced")
    broken.close()
    answer, lines = production.ask("GET", "/categories")
    assert_error(answer, "service_unavailable")
    assert [line["event"] for line in lines] == ["database_error", "request"]
    assert "categories" in json.dumps(lines[0]["exception"])
