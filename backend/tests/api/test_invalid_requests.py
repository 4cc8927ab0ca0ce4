"""Requests that are invalid as a whole: bodies, media types, methods, paths and request ids."""

from typing import Final

import pytest
from fastapi import FastAPI

from tests.support.api_catalogue import Catalogue
from tests.support.case_tables import check_each_case
from tests.support.error_assertions import assert_error
from tests.support.invalid_requests import MALFORMED, MEDIA_TYPES, UNKNOWN_PATHS, VALID_BODY, WRITES, Write
from tests.support.raw_http import JSON, RawConnection

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
REDIRECTS: Final = {
    "/deals/": "/deals",
    "/deals/?limit=1&city=S%C3%A3o+Paulo": "/deals?limit=1&city=S%C3%A3o+Paulo",
    "/deals/?x=//evil.test/%0d%0aset-cookie:a": "/deals?x=//evil.test/%0d%0aset-cookie:a",
    "/deals/stats/": "/deals/stats",
    "/deals/1/": "/deals/1",
    "/deals/%0d%0aSet-Cookie:%20a/": "/deals/%0D%0ASet-Cookie%3A%20a",
    "/hotels/": "/hotels",
    "/hotels/caf%C3%A9%3F/": "/hotels/caf%C3%A9%3F",
    "/categories/": "/categories",
    "/health/": "/health",
    "/docs/": "/docs",
}
VALID_IDS: Final = ("a", "01JD3Z5", "7f3c1e-5b.x_Y", "y" * 128)
INVALID_IDS: Final = (
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


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_malformed_bodies_are_rejected(port: int, catalogue: Catalogue, write: Write) -> None:
    def check(wire: RawConnection, body: bytes) -> None:
        assert_error(wire.request(write.method, write.target, body), "malformed_json")

    check_each_case(port, catalogue, MALFORMED, check)


@pytest.mark.parametrize("write", WRITES, ids=str)
@pytest.mark.parametrize("headers", [{}, JSON], ids=["no media type", "JSON"])
def test_missing_body_is_rejected(wire: RawConnection, write: Write, headers: dict[str, str]) -> None:
    for body in (None, b""):
        response = wire.request(write.method, write.target, body, headers)
        assert_error(response, "validation_error", fields={"body"})


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_other_media_types_are_rejected(port: int, catalogue: Catalogue, write: Write) -> None:
    def check(wire: RawConnection, headers: dict[str, str]) -> None:
        assert_error(wire.request(write.method, write.target, VALID_BODY, headers), "unsupported_media_type")

    cases = {media_type: {"content-type": media_type} for media_type in MEDIA_TYPES}
    check_each_case(port, catalogue, cases | {"no media type": {}}, check)


def test_unknown_paths_are_not_found(port: int, catalogue: Catalogue) -> None:
    def check(wire: RawConnection, path: str) -> None:
        assert_error(wire.request("GET", path), "not_found", value=path)

    check_each_case(port, catalogue, {path: path for path in UNKNOWN_PATHS}, check)


def test_trailing_slash_is_redirected_to_the_path_without_it(port: int, catalogue: Catalogue) -> None:
    def check(wire: RawConnection, case: tuple[str, str]) -> None:
        target, location = case
        for method in ("GET", "HEAD", "POST", "DELETE"):
            response = wire.request(method, target, b"{}", JSON | {"x-forwarded-host": "evil.test"})
            assert (response.status, response.headers["location"], response.body) == (307, location, b"")

    check_each_case(port, catalogue, {target: (target, location) for target, location in REDIRECTS.items()}, check)


def test_other_methods_are_rejected_with_the_allowed_ones(wire: RawConnection, app: FastAPI) -> None:
    for template, operations in app.openapi()["paths"].items():
        allowed = {method.upper() for method in operations} | ({"HEAD"} if "get" in operations else set())
        path = template.replace("{deal_id}", "1").replace("{hotel_id}", "1")
        for method in set(METHODS) - allowed:
            response = wire.request(method, path, b"{}")
            assert (response.status, set(response.headers["allow"].split(", "))) == (405, allowed), (method, path)
            if method != "HEAD":
                assert_error(response, "method_not_allowed")


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/docs/assets/favicon.png"])
def test_documentation_is_read_only(wire: RawConnection, path: str) -> None:
    response = wire.request("POST", path, b"{}")
    assert_error(response, "method_not_allowed")
    assert set(response.headers["allow"].split(", ")) <= {"GET", "HEAD"}
    assert wire.request("GET", path).status == 200


@pytest.mark.parametrize("query", ["&".join(f"price_mi{n}" for n in range(201)), "city&" * 201], ids=["names", "city"])
def test_query_strings_with_too_many_parameters_are_rejected(wire: RawConnection, query: str) -> None:
    assert_error(wire.request("GET", f"/deals?{query}"), "validation_error", fields={"query"})


@pytest.mark.parametrize("request_id", VALID_IDS)
def test_valid_request_id_is_returned(wire: RawConnection, request_id: str) -> None:
    for path in ("/health", "/nothing", "/deals?limit=0", "/docs"):
        response = wire.request("GET", path, b"", {"x-request-id": request_id})
        assert response.headers.get_all("x-request-id") == [request_id]
        if response.status >= 400:
            assert response.json()["error"]["request_id"] == request_id


def test_invalid_request_ids_are_replaced(port: int, catalogue: Catalogue) -> None:
    def check(wire: RawConnection, request_id: str) -> None:
        response = wire.request("GET", "/nothing", b"", {"x-request-id": request_id})
        assert_error(response, "not_found")
        assert request_id not in response.headers["x-request-id"] or not request_id

    check_each_case(port, catalogue, {request_id: request_id for request_id in INVALID_IDS}, check)


def test_requests_without_an_id_get_different_ones(wire: RawConnection) -> None:
    ids = {wire.request("GET", "/health").headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20
