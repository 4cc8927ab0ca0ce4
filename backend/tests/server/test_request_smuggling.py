"""Request smuggling: the service rejects requests that a proxy and a server could split differently."""

import socket
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.api_catalogue import filled_catalogue
from tests.support.databases import TestServer
from tests.support.service_process import ServiceProcess, running_service

pytestmark = pytest.mark.slow

_READ: Final = b"GET /health HTTP/1.1\r\n"
_PATCH: Final = b"PATCH /hotels/1 HTTP/1.1\r\nhost: deals.test\r\ncontent-type: application/json\r\n"
_UPGRADE: Final = _PATCH + b"connection: upgrade\r\nupgrade: h2c\r\n"
_NEXT: Final = b"DELETE /deals/1 HTTP/1.1\r\nhost: deals.test\r\n\r\n"
AMBIGUOUS: Final = {
    "a length and chunks": _PATCH + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + _NEXT,
    "chunks and a length": _PATCH + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n" + _NEXT,
    "chunks after a space": _PATCH + b"transfer-encoding : chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n" + _NEXT,
    "chunks that are not last": _PATCH + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n" + _NEXT,
    "two lengths": _PATCH + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}" + _NEXT,
    "a list of lengths": _PATCH + b"content-length: 2, 2\r\n\r\n{}" + _NEXT,
    "a signed length": _PATCH + b"content-length: +2\r\n\r\n{}" + _NEXT,
    "a chunk of a negative size": _PATCH + b"transfer-encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n" + _NEXT,
    "a chunk whose size has no end": _PATCH + b"transfer-encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n" + _NEXT,
    "a chunk of an endless size": _PATCH + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}" + _NEXT,
    "a folded header": _READ + b"host: deals.test\r\nx-folded: a\r\n b\r\n\r\n" + _NEXT,
    "lines without a carriage return": b"GET /health HTTP/1.1\nhost: deals.test\n\n" + _NEXT,
    "a carriage return alone": _READ + b"host: deals.test\r\nx-odd: a\rb\r\n\r\n" + _NEXT,
    "a null byte": _READ + b"host: deals.test\r\nx-odd: a\x00b\r\n\r\n" + _NEXT,
    "a space before the colon": _READ + b"host : deals.test\r\n\r\n" + _NEXT,
    "a length before another protocol": _UPGRADE + b"content-length: %d\r\n\r\n" % len(_NEXT) + _NEXT,
    "chunks before another protocol": _UPGRADE + b"transfer-encoding: chunked\r\n\r\n" + _NEXT,
    "a length of a tunnel": b"CONNECT /hotels/1 HTTP/1.1\r\nhost: deals.test\r\ncontent-length: 9\r\n\r\n" + _NEXT,
    "a line without a colon": _READ + b"host: deals.test\r\nx-odd\r\n\r\n" + _NEXT,
}


@pytest.fixture(scope="module")
def service(server: TestServer) -> Iterator[ServiceProcess]:
    with server.copy() as url, filled_catalogue(url), running_service(url) as service:
        yield service


@pytest.mark.parametrize("request_", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_ambiguous_request_is_rejected_and_connection_closed(service: ServiceProcess, request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as client:
        client.sendall(request_)
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1
    assert service.get("/deals/1")[0] == 200


@pytest.mark.parametrize("length", [b"", b"content-length: 0\r\n"], ids=["no length", "no body"])
def test_upgrade_offer_is_ignored(service: ServiceProcess, length: bytes) -> None:
    offer = _READ + b"host: deals.test\r\nconnection: upgrade, http2-settings\r\n" + length + b"upgrade: h2c\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as client:
        client.sendall(offer)
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
