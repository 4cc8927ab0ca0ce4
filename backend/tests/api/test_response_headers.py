"""Caching, security and CORS headers; HEAD."""

from collections.abc import Iterator
from typing import Final

import pytest
from httpx import AsyncClient
from pydantic import SecretStr

from app.api.dependencies import get_category_queries
from app.config import Settings
from app.main import create_app
from tests.support.api_catalogue import Catalogue
from tests.support.raw_http import RawConnection, RawResponse, serving

SHOP: Final = "https://shop.example"
READS: Final = ("/deals", "/deals/1", "/deals/stats", "/hotels", "/hotels/1", "/categories", "/openapi.json")
PAGES: Final = ("/docs", "/redoc", "/docs/assets/favicon.png")
ERRORS: Final = (
    *(("GET", "/nothing", 404), ("GET", "/deals/9999", 404), ("PUT", "/deals", 405), ("GET", "/deals?colour=red", 422)),
    *(("POST", "/deals", 422), ("DELETE", "/hotels/1", 409), ("GET", "/categories", 500)),
)


@pytest.fixture(scope="module")
def shop_port(catalogue: Catalogue, settings: Settings) -> Iterator[int]:
    """A service that allows cross-origin requests from SHOP, with a bug in /categories."""

    async def crash() -> None:
        raise RuntimeError("secret")

    changes = {"database_url": SecretStr(catalogue.url), "cors_origins": (SHOP,)}
    app = create_app(settings.model_copy(update=changes))
    app.dependency_overrides[get_category_queries] = crash
    with serving(app) as port:
        yield port


@pytest.fixture
def shop(shop_port: int) -> Iterator[RawConnection]:
    with RawConnection(shop_port) as connection:
        yield connection


def send(connection: RawConnection, path: str, method: str = "GET", **headers: str) -> RawResponse:
    lines = [f"{method} {path} HTTP/1.1", "host: deals.test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return connection.send("\r\n".join([*lines, "", ""]).encode(), method=method)


def get_headers(response: RawResponse) -> dict[str, str]:
    """The headers by name in lower case; fail if one occurs twice."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    assert len(headers) == len(response.headers)
    return headers


@pytest.mark.parametrize("path", [*READS, *PAGES])
def test_get_with_current_etag_returns_304(wire: RawConnection, path: str) -> None:
    first = send(wire, path)
    headers = get_headers(first)
    assert (first.status, headers["cache-control"]) == (200, "no-cache")
    second = send(wire, path, if_none_match=headers["etag"])
    second_headers = get_headers(second)
    assert (second.status, second.body, second_headers["etag"]) == (304, b"", headers["etag"])
    assert second_headers["vary"] == "Accept-Encoding"
    assert {"cache-control", "vary", "x-request-id", "link"} & set(headers) <= set(second_headers)
    assert not {"content-type", "content-length", "content-encoding"} & set(second_headers)
    assert send(wire, path, if_none_match='W/"another"').body == first.body


def test_tag_is_weak_only_if_the_response_may_be_compressed(wire: RawConnection) -> None:
    tags = {
        (path, coding): send(wire, path, accept_encoding=coding).headers["etag"]
        for path in ("/deals/1", "/openapi.json")
        for coding in ("gzip", "identity")
    }
    assert [key for key, tag in tags.items() if tag.startswith("W/")] == [
        ("/openapi.json", "gzip"),
        ("/openapi.json", "identity"),
    ]
    plain = send(wire, "/openapi.json").headers["etag"]
    assert tags["/openapi.json", "gzip"] == f"W/{plain}"


def test_if_none_match_is_compared_weakly(wire: RawConnection) -> None:
    strong = send(wire, "/deals/1").headers["etag"]
    tag = f"W/{strong}"
    matching = (tag, strong, f'"a", W/"b",{tag} , "c"', f' "a,b",{strong}', "*")
    others = (' "*"', '"another"', strong.strip('"'), strong[:9], "W/", "")
    statuses = {value: send(wire, "/deals/1", if_none_match=value).status for value in (*matching, *others)}
    assert statuses == dict.fromkeys(matching, 304) | dict.fromkeys(others, 200)


async def test_etag_changes_only_with_the_content(client: AsyncClient) -> None:
    new = {"name": "Crown Tower", "city": "Toronto", "country": "Canada", "phone": "1"}
    path, tags = (await client.post("/hotels", json=new)).headers["location"], set()
    for phone in ("2", "3"):
        assert (await client.patch(path, json={"phone": phone})).status_code == 200
        tags |= {(await client.get(path)).headers["etag"] for _ in range(2)}
    assert len(tags) == 2


@pytest.mark.parametrize(("method", "path", "status"), ERRORS)
def test_errors_are_not_stored_and_have_cors_headers(shop: RawConnection, method: str, path: str, status: int) -> None:
    response = send(shop, path, method, origin=SHOP, if_none_match="*")
    headers = get_headers(response)
    assert (response.status, headers["cache-control"], headers.get("etag")) == (status, "no-store", None)
    assert headers["access-control-allow-origin"] == SHOP
    assert {"x-request-id", "vary"} <= set(headers)


def test_responses_to_writes_are_not_stored(wire: RawConnection) -> None:
    headers = {"content-type": "application/json", "if-none-match": "*"}
    response = wire.request("PATCH", "/hotels/1", b"{}", headers)
    assert (response.status, response.headers["cache-control"]) == (200, "no-store")
    assert response.headers["etag"] == send(wire, "/hotels/1").headers["etag"]


@pytest.mark.parametrize("path", [*READS, *PAGES, "/health", "/nothing", "/deals?limit=0"])
def test_every_response_has_security_headers(wire: RawConnection, path: str) -> None:
    headers = get_headers(send(wire, path))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert ("default-src 'none'" in policy) == (path not in PAGES)
    assert headers["cache-control"] == ("no-cache" if path in {*READS, *PAGES} else "no-store")


@pytest.mark.parametrize("path", [*READS, *PAGES, "/", "/health", "/health/ready", "/nothing", "/deals/9999"])
def test_head_returns_status_and_headers_of_get(wire: RawConnection, path: str) -> None:
    get, head = send(wire, path), send(wire, path, "HEAD")
    assert (head.status, head.body) == (get.status, b"")
    changing = {"x-request-id", "date"}
    expected = {name: value for name, value in get_headers(get).items() if name not in changing}
    assert {name: value for name, value in get_headers(head).items() if name not in changing} == expected


@pytest.mark.parametrize(("path", "allow"), [("/deals", "GET, HEAD, POST"), ("/docs/assets/favicon.png", "GET, HEAD")])
def test_allow_header_lists_head_with_get(wire: RawConnection, path: str, allow: str) -> None:
    response = send(wire, path, "PUT")
    assert (response.status, response.headers["allow"]) == (405, allow)


def test_cors_rejects_unlisted_origins(wire: RawConnection, shop: RawConnection) -> None:
    for response in (send(wire, "/deals/1", origin=SHOP), send(shop, "/deals/1", origin="https://evil.example")):
        assert response.status == 200
        assert response.headers["access-control-allow-origin"] is None
    assert send(shop, "/deals/1").headers["vary"] == "Origin"


def test_cors_exposes_response_headers_to_listed_origins(shop: RawConnection) -> None:
    tag = send(shop, "/deals/1").headers["etag"]
    response = send(shop, "/deals/1", origin=SHOP, if_none_match=tag)
    assert (response.status, response.headers["access-control-allow-origin"]) == (304, SHOP)
    assert response.headers["vary"] == "Accept-Encoding, Origin"
    assert {"ETag", "Link", "Retry-After"} <= set(response.headers["access-control-expose-headers"].split(", "))


@pytest.mark.parametrize(("origin", "allowed", "status"), [(SHOP, SHOP, 200), ("https://evil.example", None, 400)])
def test_preflight_allows_writes_from_listed_origins_only(
    shop: RawConnection, origin: str, allowed: str | None, status: int
) -> None:
    requested = {"access_control_request_method": "PATCH", "access_control_request_headers": "x-api-key,content-type"}
    response = send(shop, "/deals/1", "OPTIONS", origin=origin, **requested)
    headers = get_headers(response)
    assert (response.status, headers.get("access-control-allow-origin")) == (status, allowed)
    assert {"GET", "HEAD", "POST", "PATCH", "DELETE"} == set(headers["access-control-allow-methods"].split(", "))
    assert {"X-API-Key", "Idempotency-Key", "If-Match"} <= set(headers["access-control-allow-headers"].split(", "))
    assert headers["x-request-id"]
