"""Data that is not HTTP: an error in the service's format after the responses to complete requests before it."""

import socket
from collections.abc import Iterator
from email import message_from_bytes
from typing import Final

import pytest
from pydantic import SecretStr

from app.config import Settings
from app.main import create_app
from tests.support.api_catalogue import filled_catalogue
from tests.support.databases import TestServer
from tests.support.error_assertions import assert_error
from tests.support.raw_http import RawResponse, serving

HOST: Final = b"host: deals.test\r\n"
GET: Final = b"GET /deals/1 HTTP/1.1\r\n" + HOST + b"\r\n"
MISSING: Final = b"HEAD /nothing HTTP/1.1\r\n" + HOST + b"\r\n"
JSON: Final = HOST + b"content-type: application/json\r\n"
WRITE: Final = b"PATCH /hotels/1 HTTP/1.1\r\n" + JSON + b"content-length: 2\r\n\r\n{}"
BROKEN: Final = b"PATCH /hotels/1 HTTP/1.1\r\n" + JSON + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\nx\r\n"
INVALID: Final = {
    "nonsense": (b"nonsense\r\n\r\n", [400]),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]),
    "the start of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    "a path that is not ASCII": (b"GET /caf\xe9 HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "a body of broken chunks": (BROKEN, [400]),
    "a request and nonsense": (GET + b"nonsense\r\n\r\n", [200, 400]),
    "a write and nonsense": (WRITE + b"nonsense\r\n\r\n", [200, 400]),
    "three requests and nonsense": (GET + WRITE + MISSING + b"\0", [200, 200, 404, 400]),
    "requests and broken chunks": (GET + GET + BROKEN + GET, [200, 200, 400]),
    "the last request and nonsense": (GET[:-2] + b"connection: close\r\n\r\nnonsense\r\n\r\n", [200]),
}
HEADERS: Final = {
    "connection": "close",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@pytest.fixture(scope="module")
def port(server: TestServer, settings: Settings) -> Iterator[int]:
    with server.copy() as url, filled_catalogue(url):
        app = create_app(settings.model_copy(update={"database_url": SecretStr(url)}))
        with serving(app) as port:
            yield port


def read_responses(client: socket.socket) -> list[RawResponse]:
    """All responses until the server closes the connection."""
    received = b"".join(iter(lambda: client.recv(65536), b""))
    parts = [part.partition(b"\r\n\r\n") for part in received.split(b"HTTP/1.1 ")[1:]]
    heads = [(head.partition(b"\r\n"), body) for head, _, body in parts]
    return [RawResponse(int(status[:3]), message_from_bytes(lines), body) for (status, _, lines), body in heads]


@pytest.mark.parametrize("shuts_down", [False, True], ids=["open", "shut down"])
@pytest.mark.parametrize(("data", "statuses"), INVALID.values(), ids=INVALID)
def test_error_follows_the_responses_to_complete_requests(
    port: int, data: bytes, statuses: list[int], *, shuts_down: bool
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(data)
        if shuts_down:
            client.shutdown(socket.SHUT_WR)
        responses = read_responses(client)
    assert [response.status for response in responses] == statuses
    if statuses[-1] == 400:
        assert_error(responses[-1], "bad_request")
        assert HEADERS.items() <= dict(responses[-1].headers.items()).items()
        assert int(responses[-1].headers["content-length"]) == len(responses[-1].body)


def test_rest_of_an_invalid_request_gets_no_second_error(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(WRITE + b"nonsense\r\n")
        client.sendall(b"and more\r\n" * 3)
        assert [response.status for response in read_responses(client)][1:] == [400]
