"""Bounds on what a client may send: how often, from where, how large a header, how slow a body."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from itertools import pairwise
from typing import Any, Final

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from pydantic import SecretStr

from app.config import Settings
from app.main import create_app
from tests.support.api_catalogue import Catalogue
from tests.support.databases import OpenDatabase
from tests.support.error_assertions import assert_error
from tests.support.raw_http import RawConnection, serving

HEAD: Final = b"GET /deals/1 HTTP/1.1\r\n"
HOST: Final = b"host: deals.test\r\n"
POST: Final = b"POST /hotels HTTP/1.1\r\nhost: deals.test\r\ncontent-type: application/json\r\n"


def field(size: int) -> bytes:
    return b"x-filler: " + b"y" * size + b"\r\n"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (HOST + b"x-filler: y\r\n" * 99, 200),
        (HOST + b"x-filler: y\r\n" * 100, 431),
        (HOST + b"x-filler: y\r\n" * 100_000, 431),
        (HOST + field(30_000), 200),
        (HOST + field(33_000), 431),
        (HOST + field(10_000_000), 431),
        (b"", 400),
        (HOST + HOST, 400),
        (HOST + b"HOST: another.test\r\n", 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_header_is_bounded_and_names_one_host(wire: RawConnection, fields: bytes, status: int) -> None:
    answer = wire.send(HEAD + fields + b"\r\n", method="GET")
    assert answer.status == status
    if status != HTTPStatus.OK:
        assert_error(answer, {400: "bad_request", 431: "headers_too_large"}[status], value="another.test")
    assert wire.request("GET", "/deals/1").status == 200


@pytest.fixture(scope="module")
def impatient_port(catalogue: Catalogue, settings: Settings) -> Iterator[int]:
    changes = {"database_url": SecretStr(catalogue.url), "request_body_timeout": 0.5}
    with serving(create_app(settings.model_copy(update=changes))) as port:
        yield port


@pytest.mark.parametrize(
    "start",
    [b"content-length: 9\r\n\r\n", b'content-length: 9\r\n\r\n{"na', b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"],
)
def test_a_body_that_does_not_come_is_cut(impatient_port: int, start: bytes) -> None:
    with RawConnection(impatient_port) as wire:
        assert_error(wire.send_expecting_close(POST + start, method="POST"), "request_timeout")


def test_a_body_that_trickles_is_cut_as_a_whole(impatient_port: int) -> None:
    with RawConnection(impatient_port) as wire:
        assert wire.trickle(POST + b"content-length: 1000\r\n\r\n", then=b"y" * 200)
        assert_error(wire.send_expecting_close(b"", method="POST"), "request_timeout")


class KnownKeys:
    """Knows one key, as `app.state.authenticator` does."""

    def cached_client_id(self, header: str) -> str | None:
        return "7f3c1e" if header == "right" else None


@asynccontextmanager
async def limited(settings: Settings, database: OpenDatabase, **changes: Any) -> AsyncIterator[tuple[FastAPI, Any]]:
    app = create_app(settings.model_copy(update={"rate_limit": "3/hour"} | changes))
    app.state.database = database

    async def ask(path: str = "/deals", client: str = "192.0.2.1", **headers: str) -> Response:
        async with AsyncClient(transport=ASGITransport(app, client=(client, 1)), base_url="http://deals.test") as http:
            return await http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    yield app, ask


async def test_a_client_is_told_what_it_has_left_and_then_refused(settings: Settings, database: OpenDatabase) -> None:
    async with limited(settings, database) as (_, ask):
        answers = [await ask() for _ in range(3)] + [await ask("/nothing")]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"default";q=3;w=3600'}
        left = [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers]
        assert left == ['"default";r=2', '"default";r=1', '"default";r=0', '"default";r=0']
        refusal = answers[-1]
        assert refusal.json()["error"]["code"] == "rate_limited"
        assert refusal.json()["error"]["request_id"] == refusal.headers["x-request-id"]
        assert 0 < int(refusal.headers["retry-after"]) <= 3600
        assert refusal.headers["ratelimit"].endswith(f";t={refusal.headers['retry-after']}")


async def test_clients_are_counted_apart_and_health_is_not(settings: Settings, database: OpenDatabase) -> None:
    async with limited(settings, database) as (app, ask):
        for _ in range(4):
            spent = await ask(x_forwarded_for="203.0.113.9")
        assert spent.status_code == 429
        assert [(await ask(path)).status_code for path in ("/health", "/health/ready") * 4] == [200] * 8
        assert (await ask(client="192.0.2.2", x_forwarded_for="192.0.2.1")).status_code == 200
        assert (await ask(x_api_key="right")).status_code == 429  # no keys yet
        app.state.authenticator = KnownKeys()
        assert [(await ask(x_api_key=key)).status_code for key in ("right", "wrong")] == [200, 429]


async def test_addresses_of_one_ipv6_network_are_one_client(settings: Settings, database: OpenDatabase) -> None:
    async with limited(settings, database) as (_, ask):
        answers = [await ask(client=f"2001:db8::{n}") for n in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert (await ask(client="2001:db8:0:1::1")).status_code == 200


async def test_a_new_window_begins_anew(settings: Settings, database: OpenDatabase) -> None:
    async with limited(settings, database, rate_limit="1/second") as (_, ask):
        statuses = [(await ask("/nothing")).status_code]
        deadline = time.monotonic() + 20
        while (429, 404) not in pairwise(statuses) and time.monotonic() < deadline:
            statuses.append((await ask("/nothing")).status_code)
        assert (429, 404) in pairwise(statuses)
