"""Media types, charsets and codings of bodies, and the Accept header."""

from typing import Final

import pytest

from tests.support.api_catalogue import Catalogue
from tests.support.case_tables import check_each_case
from tests.support.error_assertions import assert_error
from tests.support.raw_http import JSON, RawConnection

JSON_TYPES: Final = (
    "Application/JSON",
    "application/ld+json",
    "application/merge-patch+json",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    'application/json ; Charset="utf-8"',
    "application/json; charset=UTF8",
    "application/json; profile=x; charset=utf-8",
)
OTHER_CHARSETS: Final = (
    "application/json; charset=latin-1",
    "application/json; charset=utf-16",
    'application/json; charset="ISO-8859-1"',
    "application/json;CHARSET=us-ascii",
    "application/json; charset=",
    "application/json; charset=utf-8; charset=utf-7",
    "application/merge-patch+json; charset=cp1252",
)
CODINGS: Final = ("gzip", "br", "deflate", "x-gzip", "zstd", "identity, gzip", "GZIP", "aes128gcm", "unknown")
ACCEPTABLE: Final = (
    "",
    "*/*",
    "application/*",
    "Application/JSON",
    "application/json; charset=utf-8",
    "application/json;odata=verbose, text/html;q=0.9",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "text/html, */*;q=0.001",
    "*/*;q=0, application/json",
    "application/*;q=0, application/json;q=0.1",
    "application/json;q=0, application/json",
    ", ,application/json,",
)
NOT_ACCEPTABLE: Final = (
    "text/html",
    "text/*",
    "text/json",
    "application/xml",
    "application/problem+json",
    "text/event-stream",
    "application/json;q=0",
    "application/json; Q=0.000, */*",
    "*/*;q=0",
    "application/*;q=0, */*",
    "text/html, application/json;charset=utf-8;q=0",
    "text/html" + ";" * 20_000,
)
MALFORMED: Final = (
    "json",
    "text",
    "text/html, json",
    "text/html, image/gif, *; q=.2, */*; q=.2",
    "*/json",
    "text/html;q=2",
    "text/html;q=a",
    "text/html;q=-1",
    "text /html",
    "/",
    "text/html" + ", ;" * 5_000,
)
"""Accept headers that are ignored as a whole."""


@pytest.mark.parametrize("media_type", JSON_TYPES)
def test_json_media_types_are_accepted(wire: RawConnection, media_type: str) -> None:
    assert wire.request("PATCH", "/hotels/1", b"{}", {"content-type": media_type}).status == 200


@pytest.mark.parametrize("write", [("POST", "/deals"), ("PATCH", "/deals/1"), ("POST", "/hotels")], ids=str)
def test_other_charsets_and_codings_are_rejected(port: int, catalogue: Catalogue, write: tuple[str, str]) -> None:
    def check(wire: RawConnection, headers: dict[str, str]) -> None:
        response = wire.request(*write, b'{"phone": "1"}', headers)
        assert_error(response, "unsupported_media_type")
        assert response.headers["accept-encoding"] == ("identity" if "content-encoding" in headers else None)

    cases = {media_type: {"content-type": media_type} for media_type in OTHER_CHARSETS}
    cases |= {coding: JSON | {"content-encoding": coding} for coding in CODINGS}
    check_each_case(port, catalogue, cases, check)


def test_repeated_headers_count_as_one_list(wire: RawConnection) -> None:
    start = b"PATCH /hotels/1 HTTP/1.1\r\nhost: deals.test\r\ncontent-length: 2\r\n"
    for lines in (
        b"content-type: application/json\r\ncontent-type: text/plain\r\n",
        b"content-type: application/json\r\ncontent-encoding: identity\r\ncontent-encoding: gzip\r\n",
    ):
        assert_error(wire.send(start + lines + b"\r\n{}", method="PATCH"), "unsupported_media_type")
    chunked = start.replace(b"content-length: 2", b"content-type: application/json\r\ntransfer-encoding: gzip, chunked")
    assert_error(wire.send(chunked + b"\r\n2\r\n{}\r\n0\r\n\r\n", method="PATCH"), "unsupported_media_type")


@pytest.mark.parametrize("coding", ["identity", "Identity", "identity, identity", ""])
def test_identity_is_no_coding(wire: RawConnection, coding: str) -> None:
    assert wire.request("PATCH", "/hotels/1", b"{}", JSON | {"content-encoding": coding}).status == 200


@pytest.mark.parametrize("target", ["/deals", "/deals/1", "/deals/stats", "/hotels", "/categories", "/health"])
def test_accept_decides_whether_reads_return_json(port: int, catalogue: Catalogue, target: str) -> None:
    def check(wire: RawConnection, accept: str) -> None:
        response = wire.request("GET", target, b"", {"accept": accept})
        if accept in NOT_ACCEPTABLE:
            assert_error(response, "not_acceptable")
        else:
            assert (response.status, response.headers["content-type"]) == (200, "application/json")

    check_each_case(port, catalogue, {value: value for value in (*ACCEPTABLE, *NOT_ACCEPTABLE, *MALFORMED)}, check)


def test_writes_that_cannot_return_json_have_no_effect(wire: RawConnection, catalogue: Catalogue) -> None:
    before = catalogue.fetch_all_rows()
    for method, target in (("PATCH", "/hotels/1"), ("PATCH", "/deals/1"), ("POST", "/hotels")):
        response = wire.request(method, target, b'{"phone": "1"}', JSON | {"accept": "text/html"})
        assert_error(response, "not_acceptable")
    assert catalogue.fetch_all_rows() == before


def test_accept_does_not_change_errors_pages_and_empty_responses(wire: RawConnection) -> None:
    html, xml = {"accept": "text/html"}, {"accept": "application/xml"}
    assert_error(wire.request("GET", "/nothing", b"", xml), "not_found")
    assert_error(wire.request("DELETE", "/deals/9999", b"", xml), "deal_not_found")
    assert wire.request("GET", "/docs", b"", html).status == 200
    assert wire.request("HEAD", "/deals/1", b"", html).status == 406
