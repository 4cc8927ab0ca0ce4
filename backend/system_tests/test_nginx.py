"""The shipped nginx configuration in front of the real service."""

import gzip
import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from system_tests.programs import nginx
from system_tests.proxy_errors import assert_proxy_error
from tests.support.error_assertions import assert_error
from tests.support.raw_http import JSON, RawConnection, RawResponse
from tests.support.service_process import ServiceProcess, running_service

GET: Final = b"GET /deals/1 HTTP/1.1\r\nhost: deals.test\r\n"
POST: Final = b"POST /hotels HTTP/1.1\r\nhost: deals.test\r\ncontent-type: application/json\r\n"


@pytest.fixture(scope="module")
def upstream(url: str) -> Iterator[ServiceProcess]:
    with running_service(url, APP_REQUEST_BODY_TIMEOUT="2", APP_SERVER_TRUSTED_PROXIES="127.0.0.1") as running:
        yield running


@pytest.fixture(scope="module")
def port(upstream: ServiceProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with nginx(tmp_path_factory.mktemp("nginx"), upstream.port) as port:
        yield port


@pytest.fixture
def wire(port: int) -> Iterator[RawConnection]:
    with RawConnection(port) as wire:
        yield wire


def test_requests_and_responses_pass_unchanged(wire: RawConnection, upstream: ServiceProcess) -> None:
    headers = {"x-request-id": "7f3c1e", "accept-encoding": "gzip"}
    response = wire.request("GET", "/openapi.json", b"", headers)
    assert (response.status, response.headers["x-request-id"]) == (200, "7f3c1e")
    assert json.loads(gzip.decompress(response.body)) == upstream.get("/openapi.json")[1]
    second = wire.request("GET", "/openapi.json", b"", headers | {"if-none-match": response.headers["etag"]})
    assert (second.status, second.body) == (304, b"")
    assert_error(wire.request("GET", "/deals/9999"), "deal_not_found")
    assert wire.request("PATCH", "/hotels/1", b"{}").status == 200


def test_slow_headers_time_out_without_blocking_others(port: int) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20)) for _ in range(300)]
        for connection in slow:
            connection.sendall(GET)
        with RawConnection(port) as wire:
            assert wire.request("GET", "/deals/1").status == 200
        assert [connection.recv(1) for connection in slow] == [b""] * len(slow)


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (GET + b"x-filler: " + b"y" * 40_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (GET + (b"x-filler: " + b"y" * 4_000 + b"\r\n") * 10 + b"\r\n", 431, "headers_too_large"),
        (b"GET /deals?city=" + b"y" * 40_000 + b" HTTP/1.1\r\nhost: deals.test\r\n\r\n", 414, "bad_request"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET /deals/1 HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (GET + b"host: another.test\r\n\r\n", 400, "bad_request"),
        (b"GET /deals/1 HTTP/2.5\r\nhost: deals.test\r\n\r\n", 505, "bad_request"),
        (POST + b"transfer-encoding: gzip\r\n\r\n", 501, "bad_request"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_oversized_or_invalid_http_is_rejected(port: int, request_: bytes, status: int, code: str) -> None:
    with RawConnection(port) as wire:
        assert_proxy_error(wire.send_expecting_close(request_, method="GET"), code, status)


@pytest.mark.parametrize(
    ("request_", "code"), [("TRACE /", "method_not_allowed"), ("GET /proxy-error", "not_found")], ids=str
)
def test_errors_of_the_proxy_have_the_shape_of_the_service(port: int, request_: str, code: str) -> None:
    with RawConnection(port) as wire:
        request = f"{request_} HTTP/1.1\r\nhost: deals.test\r\nx-request-id: 7f3c1e\r\n\r\n"
        response = wire.send_unchecked(request.encode(), "GET")
    assert_proxy_error(response, code)
    assert response.headers["x-request-id"] == "7f3c1e"


def test_too_many_headers_are_rejected_by_the_service(wire: RawConnection) -> None:
    assert_error(wire.send(GET + b"x-filler: y\r\n" * 100 + b"\r\n", method="GET"), "headers_too_large")


@pytest.mark.parametrize(
    "rest",
    [
        b"content-length: 65537\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n10000\r\n" + b"y" * 0x10000 + b"\r\n1\r\ny\r\n0\r\n\r\n",
    ],
    ids=["announced", "chunked"],
)
def test_large_body_returns_413(port: int, rest: bytes) -> None:
    with RawConnection(port) as wire:
        assert_proxy_error(wire.send_unchecked(POST + rest, "POST"), "payload_too_large")


def test_slow_body_times_out_in_the_service(port: int) -> None:
    with RawConnection(port) as wire:
        assert wire.trickle(POST + b"content-length: 1000\r\n\r\n", then=b"y" * 400)
        assert_error(wire.send_unchecked(b"", "POST"), "request_timeout")


def test_requests_in_flight_are_limited_per_address(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            upload = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            upload.sendall(POST + b"content-length: 9\r\n\r\n")
        response = _get_first_error(port)
    assert_proxy_error(response, "rate_limited")
    assert response.headers["retry-after"] == "1"


def _get_first_error(port: int) -> RawResponse:
    """The first response other than 200; nginx may not have read all open requests yet."""
    for _ in range(100):
        with RawConnection(port) as wire:
            if (response := wire.send_unchecked(GET + b"\r\n", "GET")).status != http.client.OK:
                return response
    raise AssertionError("no request is rejected")


def test_forwarded_address_of_a_client_is_ignored(url: str, tmp_path: Path) -> None:
    with (
        running_service(url, APP_RATE_LIMIT="2/day", APP_SERVER_TRUSTED_PROXIES="127.0.0.1") as running,
        nginx(tmp_path, running.port) as port,
        RawConnection(port) as wire,
    ):
        statuses = [
            wire.request("GET", "/deals/1", b"", JSON | {"x-forwarded-for": f"192.0.2.{n}"}).status for n in range(3)
        ]
    assert statuses == [200, 200, 429]
