"""Requests that are wrong as a whole: bodies that are no JSON, lengths, media types, methods, addresses."""

from typing import Final

import pytest
from fastapi import FastAPI

from tests.support.api_catalogue import Catalogue
from tests.support.error_assertions import assert_error
from tests.support.raw_http import JSON, RawConnection

WRITES: Final = [("POST", "/deals"), ("PATCH", "/deals/1"), ("POST", "/hotels"), ("PATCH", "/hotels/1")]
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_NAME: Final = '{"name": "Crown Tower"}'
MALFORMED: Final = {
    "a blank": b" ",
    "half an object": b'{"name":',
    "no value": b'{"name":}',
    "a comma too many": b'{"name": "Crown Tower",}',
    "a comment": b'{"name": "Crown Tower"} // renamed',
    "two objects": b"{}{}",
    "a form": b"name=Crown+Tower",
    "XML": b"<hotel/>",
    "NUL after it": b"{}\x00",
    "a name twice": b'{"name": "Crown Tower", "name": "Crown Tower"}',
    "a name twice, once escaped": b'{"name": "Crown Tower", "n\\u0061me": "Crown Tower"}',
    "a name twice further down": b'{"name": {"a": 1, "a": 1}}',
    "UTF-8 with a byte order mark": b"\xef\xbb\xbf" + _NAME.encode(),
    "UTF-16": _NAME.encode("utf-16"),
    "UTF-16 without a byte order mark": _NAME.encode("utf-16-le"),
    "UTF-32": _NAME.encode("utf-32-be"),
    "Latin-1": '{"name": "Café Royal"}'.encode("latin-1"),
    "a surrogate in UTF-8": b'{"name": "Crown\xed\xa0\x80"}',
    "an overlong character": b'{"name": "Crown\xc0\xaf"}',
    "half a character": b'{"name": "Crown\xe2\x82"}',
    "a byte that is no UTF-8 in a name": b'{"na\xffme": "Crown Tower"}',
    "nested 30000 deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "brackets that never close": b"[" * 60_000,
}
MEDIA_TYPES: Final = (
    "",
    "text/plain",
    "text/json",
    "application/jsonx",
    "application/json, text/html",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "json",
    "*/*",
    "application/" + "+" * 5000,
)
NOWHERE: Final = (
    "/",
    "/nothing",
    "/deals/",
    "/deals/1/",
    "/deals/1/rooms",
    "/deals//1",
    "//deals",
    "/Deals",
    "/deals/1%2F",
    "/deals/%2F",
    "/deals%00",
    "/%ff",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/hotels/",
    "/categories/",
    "/health/",
    "/docs/",
    "/static-offline-docs/../core.py",
    "/static-offline-docs/%2e%2e/core.py",
    "/static-offline-docs/%00",
    "/static-offline-docs/" + "y" * 5000,
    "*",
)
HARMLESS_IDS: Final = ("a", "01JD3Z5", "7f3c1e-5b.x_Y", "y" * 128)
ODD_IDS: Final = (
    "",
    " ",
    "a b",
    "y" * 129,
    "caf\xe9",
    "<script>",
    "a\tb",
    '"quoted"',
    "a,b",
    "%0d%0aX-Evil: 1",
    "{}",
    "../etc",
)


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("what", MALFORMED)
def test_a_body_that_is_not_strict_json_is_refused(
    wire: RawConnection, catalogue: Catalogue, method: str, path: str, what: str
) -> None:
    before = catalogue.everything()
    assert_error(wire.request(method, path, MALFORMED[what]), "malformed_json")
    assert catalogue.everything() == before


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("headers", [{}, JSON], ids=["no media type", "JSON"])
def test_a_missing_body_is_refused(wire: RawConnection, method: str, path: str, headers: dict[str, str]) -> None:
    for body in (None, b""):
        assert_error(wire.request(method, path, body, headers), "validation_error", fields={"body"})


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("media_type", MEDIA_TYPES, ids=lambda name: name[:20])
def test_another_media_type_is_refused(
    wire: RawConnection, catalogue: Catalogue, method: str, path: str, media_type: str
) -> None:
    before = catalogue.everything()
    answer = wire.request(method, path, _NAME.encode(), {"content-type": media_type})
    assert_error(answer, "unsupported_media_type")
    assert catalogue.everything() == before


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_body_without_a_media_type_is_refused(wire: RawConnection, method: str, path: str) -> None:
    assert_error(wire.request(method, path, _NAME.encode(), {}), "unsupported_media_type")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON", "application/ld+json"])
def test_json_may_be_named_in_many_ways(wire: RawConnection, media_type: str) -> None:
    assert wire.request("PATCH", "/hotels/1", b"{}", {"content-type": media_type}).status == 200


@pytest.mark.parametrize("path", NOWHERE, ids=lambda path: path[:40])
def test_an_address_that_leads_nowhere_is_not_found(wire: RawConnection, path: str) -> None:
    assert_error(wire.request("GET", path), "not_found", value=path)


def test_every_other_method_is_refused_with_the_ones_there_are(wire: RawConnection, app: FastAPI) -> None:
    for template, operations in app.openapi()["paths"].items():
        allowed = {method.upper() for method in operations}
        path = template.replace("{deal_id}", "1").replace("{hotel_id}", "1")
        for method in set(METHODS) - allowed:
            answer = wire.request(method, path, b"{}")
            assert (answer.status, set(answer.headers["allow"].split(", "))) == (405, allowed), (method, path)
            if method != "HEAD":
                assert_error(answer, "method_not_allowed")


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/static-offline-docs/favicon.png"])
def test_the_docs_can_only_be_read(wire: RawConnection, path: str) -> None:
    answer = wire.request("POST", path, b"{}")
    assert_error(answer, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) <= {"GET", "HEAD"}
    assert wire.request("GET", path).status == 200


@pytest.mark.parametrize("path", ["/deals?" + "&".join(f"price_mi{n}" for n in range(201)), "/deals?" + "city&" * 201])
def test_parameters_without_end_are_refused(wire: RawConnection, path: str) -> None:
    assert_error(wire.request("GET", path), "validation_error", fields={"query"})


@pytest.mark.parametrize("given", HARMLESS_IDS)
def test_a_harmless_request_id_comes_back(wire: RawConnection, given: str) -> None:
    for path in ("/health", "/nothing", "/deals?limit=0", "/docs"):
        answer = wire.request("GET", path, b"", {"x-request-id": given})
        assert answer.headers.get_all("x-request-id") == [given]
        if answer.status >= 400:
            assert answer.json()["error"]["request_id"] == given


@pytest.mark.parametrize("given", ODD_IDS)
def test_an_odd_request_id_is_replaced(wire: RawConnection, given: str) -> None:
    answer = wire.request("GET", "/nothing", b"", {"x-request-id": given})
    assert_error(answer, "not_found")
    assert given not in answer.headers["x-request-id"] or not given


def test_each_request_without_an_id_gets_its_own(wire: RawConnection) -> None:
    ids = {wire.request("GET", "/health").headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20
