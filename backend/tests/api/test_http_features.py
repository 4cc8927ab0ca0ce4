"""Features of HTTP that few clients use: the service supports them, ignores them or rejects them, but never fails."""

from collections.abc import Mapping
from typing import Final

import pytest

from tests.support.api_catalogue import Catalogue
from tests.support.case_tables import check_each_case
from tests.support.error_assertions import assert_error
from tests.support.raw_http import RawConnection

HOST: Final = b"host: deals.test\r\n"
PATCH: Final = b"PATCH /hotels/1 HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\n"
LENGTH: Final = b"content-length: 2\r\n"
CHUNKED: Final = b"transfer-encoding: chunked\r\n\r\n"


def get(target: str = "/deals/1", *headers: str, version: str = "1.1") -> bytes:
    lines = [f"GET {target} HTTP/{version}", *headers, "", ""]
    return "\r\n".join(lines).encode()


IGNORED: Final[Mapping[str, bytes]] = {
    "a range": get("/deals/1", "host: deals.test", "range: bytes=0-3"),
    "a range that does not exist": get("/deals/1", "host: deals.test", "range: bytes=99999999-"),
    "ranges under a condition": get("/deals/1", "host: deals.test", "range: bytes=0-3,5-9", 'if-range: "a"'),
    "no range": get("/deals/1", "host: deals.test", "range: pages=1"),
    "no acceptable coding": get("/deals/1", "host: deals.test", "accept-encoding: identity;q=0, *;q=0"),
    "an unknown coding": get("/deals/1", "host: deals.test", "accept-encoding: \t,,x;q=9,gzip;q"),
    "another charset and language": get("/deals/1", "host: deals.test", "accept-charset: utf-7", "accept-language: x"),
    "a date as a condition": get("/deals/1", "host: deals.test", "if-modified-since: Sat, 28 Nov 2099 00:00:00 GMT"),
    "a method to override": get("/deals/1", "host: deals.test", "x-http-method-override: DELETE"),
    "a transfer coding for the response": get("/deals/1", "host: deals.test", "te: trailers, deflate;q=0.5"),
    "a body of GET": get("/deals/1", "host: deals.test", "content-length: 2") + b"{}",
    "a chunked body of GET": get("/deals/1", "host: deals.test", "transfer-encoding: chunked")
    + b"2\r\n{}\r\n0\r\n\r\n",
    "the absolute form": get("http://deals.test/deals/1", "host: deals.test"),
    "the absolute form with another host": get("https://other.test:99/deals/1?", "host: deals.test"),
    "a fragment": get("/deals/1#items", "host: deals.test"),
    "an empty query": get("/deals/1?", "host: deals.test"),
    "an expectation of GET": get("/deals/1", "host: deals.test", "expect: 100-continue"),
    "an unknown expectation": PATCH + LENGTH + b"expect: 200-ok\r\n\r\n{}",
    "an expectation of the body": PATCH + LENGTH + b"expect: 100-continue\r\n\r\n{}",
    "chunks": PATCH + CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    "chunks with extensions and trailers": PATCH + CHUNKED + b'2;a="b";c\r\n{}\r\n00\r\ndigest: x\r\n\r\n',
}
"""Requests that get 200."""


def test_optional_features_do_not_change_the_response(port: int, catalogue: Catalogue) -> None:
    def check(wire: RawConnection, request: bytes) -> None:
        response = wire.send(request, method=request.partition(b" ")[0].decode())
        assert (response.status, response.json()["id"]) == (200, 1)
        assert response.headers["content-range"] is None

    check_each_case(port, catalogue, IGNORED, check)


@pytest.mark.parametrize(
    "request_",
    [
        get(version="1.0"),
        get("/deals/1", "connection: keep-alive", version="1.0"),
        get("/deals/1", "host: deals.test", "accept-encoding: gzip", version="1.0"),
        get("/deals/1", "host: deals.test", "connection: close"),
        PATCH.replace(b"HTTP/1.1", b"HTTP/1.0") + LENGTH + b"expect: 100-continue\r\n\r\n{}",
    ],
)
def test_connection_is_closed_after_the_response_for_old_or_finished_clients(port: int, request_: bytes) -> None:
    with RawConnection(port) as connection:
        response = connection.send_expecting_close(request_, method=request_.partition(b" ")[0].decode())
    assert (response.status, response.json()["id"]) == (200, 1)


@pytest.mark.parametrize("request_", [PATCH.replace(b"json", b"xml") + LENGTH, PATCH + b"content-length: 9999999\r\n"])
def test_expected_body_is_rejected_before_it_is_sent(port: int, request_: bytes) -> None:
    with RawConnection(port) as connection:
        response = connection.send(request_ + b"expect: 100-continue\r\n\r\n", method="PATCH")
    assert_error(response, "unsupported_media_type" if b"xml" in request_ else "payload_too_large")


def test_options_names_the_methods_of_a_path(wire: RawConnection) -> None:
    response = wire.request("OPTIONS", "/deals/1")
    assert_error(response, "method_not_allowed")
    assert response.headers["allow"] == "DELETE, GET, HEAD, PATCH"
    assert_error(wire.request("OPTIONS", "*"), "not_found")


@pytest.mark.parametrize("target", ["deals", "?limit=1", "http://", "http://deals.test", "http://deals.test:x/", "://"])
def test_invalid_targets_are_rejected(port: int, target: str) -> None:
    with RawConnection(port) as connection:
        assert connection.send_expecting_close(get(target, "host: deals.test"), method="GET").status == 400
