"""A client that costs little: bytes as they are, one request at a time, on a connection that is kept.

The service must be what is measured: this one uses about a tenth of the time that the service needs for an answer.
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

PATIENCE: Final = 20.0
"""Seconds after which a client gives up; the service promises an answer long before."""

_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_CODE: Final = re.compile(rb'"code": ?"(\w+)"')
_BODILESS: Final = {204, 304}


class CutError(ConnectionError):
    """The connection ended before the answer was there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request."""

    status: int
    head: bytes
    body: bytes
    seconds: float

    @property
    def closes(self) -> bool:
        """Whether it announces that nothing more is answered on this connection."""
        return bool(_CLOSES.search(self.head))

    @property
    def code(self) -> str:
        """The error's."""
        found = _CODE.search(self.body)
        return found[1].decode() if found else ""

    @property
    def is_success(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def has(self, name: str) -> bool:
        return f"\r\n{name.lower()}:".encode() in self.head.lower()

    def json(self) -> Any:  # noqa: ANN401  JSON is any value
        """The body, with fractions as the decimals that their digits spell."""
        return json.loads(self.body, parse_float=Decimal)

    def __str__(self) -> str:
        return f"{self.status} {self.body[:200].decode(errors='replace')}"


class Connection(asyncio.Protocol):
    """One connection. Requests come one after the other."""

    def __init__(self) -> None:
        self.is_connection_lost = False
        self._received = b""
        self._bodiless = False
        self._waiting: asyncio.Future[tuple[bytes, bytes]] | None = None

    @classmethod
    @asynccontextmanager
    async def to(cls, port: int) -> AsyncIterator["Connection"]:
        connection = await cls.open(port)
        try:
            yield connection
        finally:
            connection.close()

    @classmethod
    async def open(cls, port: int) -> "Connection":
        _, connection = await asyncio.get_running_loop().create_connection(cls, HOST, port)
        return connection

    def close(self) -> None:
        self._transport.close()

    async def ask(self, request: bytes) -> Answer:
        """The answer to a whole request. Raises CutError, and TimeoutError if there is none in time."""
        if self.is_connection_lost:
            raise CutError("The connection was closed before the request.")
        self._received, self._bodiless = b"", request.startswith(b"HEAD ")
        self._waiting = asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        self._transport.write(request)
        async with asyncio.timeout(PATIENCE):
            head, body = await self._waiting
        return Answer(int(head[9:12]), head, body, time.perf_counter() - started)

    def tell(self, request: bytes) -> None:
        """Send it and wait for nothing."""
        self._transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._waiting is not None and not self._waiting.done() and (whole := self._whole()):
            self._waiting.set_result(whole)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_connection_lost = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(CutError(f"The connection was cut: {exc or 'closed without an answer'}."))

    def _whole(self) -> tuple[bytes, bytes] | None:
        """Head and body, once they are there."""
        end = self._received.find(_END)
        if end < 0:
            return None
        head, body = self._received[: end + 2], self._received[end + len(_END) :]
        length = _LENGTH.search(head)
        expected = 0 if self._bodiless or int(head[9:12]) in _BODILESS else int(length[1]) if length else None
        if expected is None:
            raise CutError("The answer does not say how long it is.")
        return (head, body) if len(body) >= expected else None


def encode(method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> bytes:
    """The request in HTTP/1.1: bytes as they are, any other body as JSON."""
    given = headers or {}
    if body is None:
        content = b""
    else:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"content-type": "application/json", "content-length": str(len(content)), **given}
    lines = [f"{method} {target} HTTP/1.1", "host: deals.test", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content
