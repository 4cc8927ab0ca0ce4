"""Limits on request headers, on bodies and on the details of an error."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

import pytest
from pydantic import SecretStr

from app.config import Settings
from app.main import create_app
from tests.support.api_catalogue import Catalogue
from tests.support.error_assertions import assert_error
from tests.support.raw_http import RawConnection, serving

HEAD: Final = b"GET /deals/1 HTTP/1.1\r\n"
HOST: Final = b"host: deals.test\r\n"
POST: Final = b"POST /hotels HTTP/1.1\r\nhost: deals.test\r\ncontent-type: application/json\r\n"


def header_field(size: int) -> bytes:
    return b"x-filler: " + b"y" * size + b"\r\n"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (HOST + b"x-filler: y\r\n" * 99, 200),
        (HOST + b"x-filler: y\r\n" * 100, 431),
        (HOST + b"x-filler: y\r\n" * 100_000, 431),
        (HOST + header_field(30_000), 200),
        (HOST + header_field(33_000), 431),
        (HOST + header_field(10_000_000), 431),
        (b"", 400),
        (HOST + HOST, 400),
        (HOST + b"HOST: another.test\r\n", 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_headers_are_limited_and_have_one_host(wire: RawConnection, fields: bytes, status: int) -> None:
    response = wire.send(HEAD + fields + b"\r\n", method="GET")
    assert response.status == status
    if status != HTTPStatus.OK:
        assert_error(response, {400: "bad_request", 431: "headers_too_large"}[status], value="another.test")
    assert wire.request("GET", "/deals/1").status == 200


@pytest.fixture(scope="module")
def short_timeout_port(catalogue: Catalogue, settings: Settings) -> Iterator[int]:
    changes = {"database_url": SecretStr(catalogue.url), "request_body_timeout": 0.5}
    with serving(create_app(settings.model_copy(update=changes))) as port:
        yield port


@pytest.mark.parametrize(
    "start",
    [b"content-length: 9\r\n\r\n", b'content-length: 9\r\n\r\n{"na', b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"],
)
def test_incomplete_body_times_out_with_408(short_timeout_port: int, start: bytes) -> None:
    with RawConnection(short_timeout_port) as connection:
        assert_error(connection.send_expecting_close(POST + start, method="POST"), "request_timeout")


def test_body_timeout_applies_to_the_whole_body(short_timeout_port: int) -> None:
    with RawConnection(short_timeout_port) as connection:
        assert connection.trickle(POST + b"content-length: 1000\r\n\r\n", then=b"y" * 200)
        assert_error(connection.send_expecting_close(b"", method="POST"), "request_timeout")


def test_error_has_at_most_50_details(wire: RawConnection) -> None:
    for count, suffix in ((50, ""), (70, " The details list 50 problems, and 20 more were found.")):
        response = wire.request("GET", "/deals?" + "&".join(f"colour{n}=red" for n in range(count)))
        assert_error(response, "unknown_parameter")
        error = response.json()["error"]
        assert (len(error["details"]), error["message"]) == (50, f"Unknown query parameter.{suffix}")


def test_nearest_names_are_proposed_for_few_short_names(wire: RawConnection) -> None:
    names = [f"min_star{number}" for number in range(11)] + ["min_stars" * 2000]
    response = wire.request("GET", "/deals?" + "&".join(f"{name}=1" for name in names))
    details = response.json()["error"]["details"]
    assert ["did you mean min_stars?" in detail["message"] for detail in details] == [True] * 10 + [False] * 2
