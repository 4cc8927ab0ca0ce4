"""What answers carry for browsers and caches, and answers that travel short."""

import gzip
import json
from collections.abc import Iterator
from typing import Final

import pytest
from httpx import AsyncClient
from pydantic import SecretStr

from app.api.dependencies import category_service
from app.config import Settings
from app.main import create_app
from app.middlewares.etag import accepts_gzip
from tests.support.api_catalogue import Catalogue
from tests.support.raw_http import RawConnection, RawResponse, serving

SHOP: Final = "https://shop.example"
READS: Final = ("/deals", "/deals/1", "/deals/stats", "/hotels", "/hotels/1", "/categories", "/openapi.json")
REFUSED: Final = (
    *(("GET", "/nothing", 404), ("GET", "/deals/9999", 404), ("PUT", "/deals", 405), ("GET", "/deals?colour=red", 422)),
    *(("POST", "/deals", 422), ("DELETE", "/hotels/1", 409), ("GET", "/categories", 500)),
)
LARGE: Final = "/openapi.json"
MANY_PROBLEMS: Final = "/deals?" + "&".join(f"colour{n}=red" for n in range(100))


@pytest.fixture(scope="module")
def shop_port(catalogue: Catalogue, settings: Settings) -> Iterator[int]:
    """A service that the pages of SHOP may call, and in which /categories has a bug."""

    async def crash() -> None:
        raise RuntimeError("secret")

    changes = {"database_url": SecretStr(catalogue.url), "cors_origins": (SHOP,)}
    app = create_app(settings.model_copy(update=changes))
    app.dependency_overrides[category_service] = crash
    with serving(app) as port:
        yield port


@pytest.fixture
def shop(shop_port: int) -> Iterator[RawConnection]:
    with RawConnection(shop_port) as wire:
        yield wire


def ask(wire: RawConnection, path: str, method: str = "GET", **headers: str) -> RawResponse:
    lines = [f"{method} {path} HTTP/1.1", "host: deals.test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return wire.send("\r\n".join([*lines, "", ""]).encode(), method=method)


def once(answer: RawResponse) -> dict[str, str]:
    """The answer's headers, none of which it has twice."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert len(headers) == len(answer.headers)
    return headers


@pytest.mark.parametrize("path", READS)
def test_a_read_is_revalidated_and_not_sent_again(wire: RawConnection, path: str) -> None:
    first = ask(wire, path)
    headers = once(first)
    assert (first.status, headers["cache-control"], headers["vary"]) == (200, "no-cache", "Accept-Encoding")
    again = ask(wire, path, if_none_match=headers["etag"])
    assert (again.status, again.body, once(again)["etag"]) == (304, b"", headers["etag"])
    assert {"cache-control", "vary", "x-request-id", "link"} & set(headers) <= set(once(again))
    assert not {"content-type", "content-length", "content-encoding"} & set(once(again))
    assert ask(wire, path, if_none_match='W/"another"').body == first.body


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ("{tag}", 304),
        ("{strong}", 304),
        ('"a", W/"b",{tag} , "c"', 304),
        (' "a,b",{strong}', 304),
        ("*", 304),
        (' "*"', 200),
        ('"another"', 200),
        ("{bare}", 200),
        ("{half}", 200),
        ("W/", 200),
        ("", 200),
    ],
)
def test_tags_are_compared_weakly(wire: RawConnection, known: str, status: int) -> None:
    tag = ask(wire, "/deals/1").headers["etag"]
    assert tag.startswith('W/"')
    strong = tag.removeprefix("W/")
    known = known.format(tag=tag, strong=strong, bare=strong.strip('"'), half=strong[:9])
    assert ask(wire, "/deals/1", if_none_match=known).status == status


async def test_a_change_changes_the_tag(client: AsyncClient) -> None:
    new = {"name": "Crown Tower", "city": "Toronto", "country": "Canada", "phone": "1"}
    path, tags = (await client.post("/hotels", json=new)).headers["location"], set()
    for phone in ("2", "3"):
        assert (await client.patch(path, json={"phone": phone})).status_code == 200
        tags |= {(await client.get(path)).headers["etag"] for _ in range(2)}
    assert len(tags) == 2


@pytest.mark.parametrize("range_", ["bytes=0-9", "bytes=abc", "bytes=5-2", "bytes=999999999-", "bytes=0-1,3-4", "0"])
def test_answers_come_whole(wire: RawConnection, range_: str) -> None:
    path = "/static-offline-docs/favicon.png"
    whole, asked = ask(wire, path), ask(wire, path, range=range_)
    assert (asked.status, asked.body, asked.headers["accept-ranges"]) == (200, whole.body, None)


@pytest.mark.parametrize(("method", "path", "status"), REFUSED)
def test_whatever_goes_wrong_is_never_kept(shop: RawConnection, method: str, path: str, status: int) -> None:
    answer = ask(shop, path, method, origin=SHOP, if_none_match="*")
    headers = once(answer)
    assert (answer.status, headers["cache-control"], headers.get("etag")) == (status, "no-store", None)
    assert headers["access-control-allow-origin"] == SHOP
    assert {"x-request-id", "vary"} <= set(headers)


def test_a_write_is_never_kept(wire: RawConnection) -> None:
    answer = wire.request("PATCH", "/hotels/1", b"{}", {"content-type": "application/json", "if-none-match": "*"})
    assert (answer.status, answer.headers["cache-control"], answer.headers["etag"]) == (200, "no-store", None)


@pytest.mark.parametrize("path", [*READS, "/health", "/nothing", "/docs", "/redoc", "/deals?limit=0"])
def test_browsers_are_told_to_do_nothing_else_with_an_answer(wire: RawConnection, path: str) -> None:
    headers = once(ask(wire, path))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert ("default-src 'none'" in headers["content-security-policy"]) == (path not in {"/docs", "/redoc"})
    assert headers["cache-control"] == (
        "no-store" if path.startswith(("/health", "/nothing", "/deals?")) else "no-cache"
    )


@pytest.mark.parametrize("path", [LARGE, MANY_PROBLEMS])
def test_a_large_answer_is_compressed_for_who_asks(wire: RawConnection, path: str) -> None:
    plain, squeezed = ask(wire, path), ask(wire, path, accept_encoding="br, gzip")
    assert (len(plain.body) > 4096, plain.headers["content-encoding"]) == (True, None)
    headers = once(squeezed)
    assert (headers["content-encoding"], headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(headers["content-length"]) == len(squeezed.body) < len(plain.body) / 3
    assert set(json.loads(gzip.decompress(squeezed.body))) == set(plain.json())
    assert headers.get("etag") == plain.headers["etag"]


def test_a_small_answer_is_not_compressed(wire: RawConnection) -> None:
    assert ask(wire, "/deals/1", accept_encoding="gzip").headers["content-encoding"] is None


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        *[("gzip", True), ("GZip", True), ("x-gzip", True), ("*", True), ("br;q=1, gzip;q=0.5", True)],
        *[("gzip ; q=0.001", True), ("*;q=0, gzip", True)],
        *[("", False), ("br", False), ("identity", False), ("gzip;q=0", False), ("gzip; q=0.000", False)],
        *[("gzip;q=0, *", False), ("*;q=0", False), ("gzipped", False)],
    ],
)
def test_what_a_client_accepts(header: str, *, accepted: bool) -> None:
    assert accepts_gzip(header) == accepted


def test_other_sites_are_not_let_in(wire: RawConnection, shop: RawConnection) -> None:
    for answer in (ask(wire, "/deals/1", origin=SHOP), ask(shop, "/deals/1", origin="https://evil.example")):
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] is None
    assert ask(shop, "/deals/1").headers["vary"] == "Accept-Encoding, Origin"


def test_a_page_of_a_listed_site_may_call(shop: RawConnection) -> None:
    tag = ask(shop, "/deals/1").headers["etag"]
    answer = ask(shop, "/deals/1", origin=SHOP, if_none_match=tag)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (304, SHOP)
    assert {"ETag", "Link", "Retry-After"} <= set(answer.headers["access-control-expose-headers"].split(", "))


@pytest.mark.parametrize(("origin", "allowed"), [(SHOP, SHOP), ("https://evil.example", None)])
def test_a_browser_asks_before_it_writes(shop: RawConnection, origin: str, allowed: str | None) -> None:
    wanted = {"access_control_request_method": "PATCH", "access_control_request_headers": "x-api-key,content-type"}
    answer = ask(shop, "/deals/1", "OPTIONS", origin=origin, **wanted)
    headers = once(answer)
    assert (answer.status, answer.body, headers.get("access-control-allow-origin")) == (204, b"", allowed)
    assert {"GET", "POST", "PATCH", "DELETE"} == set(headers["access-control-allow-methods"].split(", "))
    assert {"X-API-Key", "Idempotency-Key"} <= set(headers["access-control-allow-headers"].split(", "))
    assert headers["x-request-id"]
