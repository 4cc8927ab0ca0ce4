"""Oversized bodies and unhandled exceptions leave the connection usable."""

from collections.abc import Iterator
from typing import Final

import pytest
from pydantic import SecretStr

from app.api.dependencies import get_category_queries
from app.config import Settings
from app.main import create_app
from tests.support.api_catalogue import Catalogue
from tests.support.error_assertions import assert_error
from tests.support.raw_http import JSON, RawConnection, serving

MEGABYTE: Final = 2**20
WRITES: Final = [("POST", "/deals"), ("PATCH", "/deals/1"), ("POST", "/hotels"), ("PATCH", "/hotels/1")]


def build_head(method: str, path: str, **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: deals.test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "content-type: application/json", "", ""]).encode()


def build_chunked_body(*, megabytes: int) -> bytes:
    return (b"100000\r\n" + b"y" * MEGABYTE + b"\r\n") * megabytes + b"0\r\n\r\n"


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_body_of_ten_megabytes_returns_413(wire: RawConnection, catalogue: Catalogue, method: str, path: str) -> None:
    before = catalogue.fetch_all_rows()
    chunked = build_head(method, path, transfer_encoding="chunked") + build_chunked_body(megabytes=10)
    assert_error(wire.request(method, path, b"y" * 10 * MEGABYTE), "payload_too_large")
    assert_error(wire.send(chunked, method=method), "payload_too_large")
    assert wire.request("GET", "/deals/1").status == 200
    assert catalogue.fetch_all_rows() == before


@pytest.mark.parametrize("length", ["65537", "10000000000", "9223372036854775807"])
def test_excessive_content_length_returns_413_before_the_body_arrives(wire: RawConnection, length: str) -> None:
    head = build_head("POST", "/hotels", content_length=length)
    assert_error(wire.send(head, method="POST"), "payload_too_large")


def test_body_of_the_maximum_size_is_accepted(wire: RawConnection, settings: Settings) -> None:
    body = b"{}".ljust(settings.request_max_body_bytes)
    assert wire.request("PATCH", "/hotels/1", body).status == 200
    assert_error(wire.request("PATCH", "/hotels/1", body + b" "), "payload_too_large")


@pytest.mark.parametrize(("method", "path"), [("POST", "/nothing"), ("PUT", "/deals"), ("GET", "/deals?limit=0")])
def test_connection_survives_a_large_unread_body(wire: RawConnection, method: str, path: str) -> None:
    assert wire.request(method, path, b"y" * MEGABYTE).status in {404, 405, 422}
    assert wire.request("GET", "/deals/1").status == 200


@pytest.fixture(scope="module")
def crashing_port(catalogue: Catalogue, settings: Settings) -> Iterator[int]:
    """A service with a bug in /categories."""

    async def crash() -> None:
        raise RuntimeError("secret")

    app = create_app(settings.model_copy(update={"database_url": SecretStr(catalogue.url)}))
    app.dependency_overrides[get_category_queries] = crash
    with serving(app) as port:
        yield port


def test_connection_survives_an_unhandled_exception(crashing_port: int) -> None:
    with RawConnection(crashing_port) as connection:
        for _ in range(3):
            response = connection.request("GET", "/categories", b"", JSON | {"x-request-id": "7f3c1e"})
            assert_error(response, "internal_error", value="secret")
            assert response.headers["x-request-id"] == "7f3c1e"
            assert connection.request("GET", "/deals/1").json()["id"] == 1
