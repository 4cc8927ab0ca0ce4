"""A small HTTP/1.1 client on keep-alive connections, one request at a time on each.

It sends bytes unmodified, and needs about a tenth of the CPU time that the service needs for a response, so that the
service is the bottleneck.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final, cast

from faults.processes import HOST

TIMEOUT_SECONDS: Final = 10.0
"""Well above the service's own limit for a response."""

_HEAD_END: Final = b"\r\n\r\n"
_CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CONNECTION_CLOSE: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_ERROR_CODE: Final = re.compile(rb'"code": ?"(\w+)"')
_WITHOUT_BODY: Final = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


class ConnectionLostError(ConnectionError):
    """The connection ended before the response was complete."""


class NotSentError(ConnectionLostError):
    """The connection was lost before the request was written to it."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    head: bytes
    body: bytes
    seconds: float

    @property
    def closes_connection(self) -> bool:
        """Whether the server takes no further request on the connection. A body of unknown length is not read."""
        return bool(_CONNECTION_CLOSE.search(self.head)) or _get_body_length(self.head) is None

    @property
    def error_code(self) -> str:
        found = _ERROR_CODE.search(self.body)
        return found[1].decode() if found else ""

    @property
    def is_success(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_unavailable(self) -> bool:
        """Whether it is a 503 that says when to retry."""
        return self.status == HTTPStatus.SERVICE_UNAVAILABLE and self.has_header("retry-after")

    def has_header(self, name: str) -> bool:
        return f"\r\n{name.lower()}:".encode() in self.head.lower()

    def json(self) -> Any:  # noqa: ANN401  JSON is any value
        """The body, with fractions as exact decimals."""
        return json.loads(self.body, parse_float=Decimal)

    def __str__(self) -> str:
        return f"{self.status} {self.body[:200].decode(errors='replace')}"


class Connection(asyncio.Protocol):
    """One connection; requests are sent one after the other."""

    def __init__(self) -> None:
        self.is_lost = False
        self._received = b""
        self._is_head = False
        self._response: asyncio.Future[tuple[bytes, bytes]] | None = None

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Raises OSError if no server accepts the connection."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                _, connection = await asyncio.get_running_loop().create_connection(cls, HOST, port)
        except TimeoutError:
            raise NotSentError("The server does not accept the connection.") from None
        return connection

    def close(self) -> None:
        self._transport.close()

    async def send(self, request: bytes) -> Response:
        """Send a complete request and wait for the response. Raises ConnectionLostError and TimeoutError."""
        if self.is_lost:
            raise NotSentError("The connection was closed before the request.")
        self._received, self._is_head = b"", request.startswith(b"HEAD ")
        self._response = asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        self._transport.write(request)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            head, body = await self._response
        return Response(int(head[9:12]), head, body, time.perf_counter() - started)

    def send_only(self, request: bytes) -> None:
        """Send a request without waiting for the response."""
        self._transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._response is not None and not self._response.done() and (parsed := self._parse()):
            self._response.set_result(parsed)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if self._response is not None and not self._response.done():
            self._response.set_exception(ConnectionLostError(f"The connection was lost: {exc or 'closed by server'}."))

    def _parse(self) -> tuple[bytes, bytes] | None:
        """Head and body of a complete response."""
        end = self._received.find(_HEAD_END)
        if end < 0:
            return None
        head, body = self._received[: end + 2], self._received[end + len(_HEAD_END) :]
        length = 0 if self._is_head else _get_body_length(head)
        return (head, body[:length]) if length is None or len(body) >= length else None


def _get_body_length(head: bytes) -> int | None:
    if int(head[9:12]) in _WITHOUT_BODY:
        return 0
    found = _CONTENT_LENGTH.search(head)
    return int(found[1]) if found else None


@asynccontextmanager
async def connect(port: int) -> AsyncIterator[Connection]:
    """A connection that is closed at the end of the block."""
    connection = await Connection.open(port)
    try:
        yield connection
    finally:
        connection.close()


class ConnectionPool:
    """As many keep-alive connections to one port as there are concurrent requests."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def send(self, request: bytes) -> Response:
        """Like `Connection.send`; raises OSError if no connection can be opened."""
        connection = await self._acquire()
        try:
            response = await connection.send(request)
        except BaseException:
            connection.close()
            raise
        if response.closes_connection:
            connection.close()
        else:
            self._idle.append(connection)
        return response

    def close(self) -> None:
        """Close the idle connections."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _acquire(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_lost:
                return connection
        return await Connection.open(self._port)


def encode_request(method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> bytes:
    """An HTTP/1.1 request; a body that is not bytes is sent as JSON."""
    fields = dict(headers or {})
    content = b""
    if body is not None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"content-type": "application/json", "content-length": str(len(content)), **fields}
    lines = [f"{method} {target} HTTP/1.1", "host: deals.test", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content
