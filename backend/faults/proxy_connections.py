"""One proxied connection, the network conditions applied to it, and the parsing that finds a COMMIT."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal

CommitCut = Literal["before", "after"]
"""Whether a connection is cut before the server receives the COMMIT, or after it, so that the response is lost."""

_LENGTH_BYTES: Final = 4
_ENCRYPTION_REQUESTS: Final = (80877103, 80877104)
"""Codes of SSLRequest and GSSENCRequest, which may precede the start-up message."""
_CHUNK_BYTES: Final = 1 << 16
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class MessageParser:
    """Splits a client's PostgreSQL byte stream into messages; concatenated, they equal the input."""

    def __init__(self) -> None:
        self._buffer = b""
        self._has_started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that `data` completes."""
        self._buffer += data
        while (end := self._find_end()) is not None:
            message, self._buffer = self._buffer[:end], self._buffer[end:]
            self._has_started = self._has_started or int.from_bytes(message[4:8]) not in _ENCRYPTION_REQUESTS
            yield message

    def _find_end(self) -> int | None:
        start = 1 if self._has_started else 0  # messages up to the start-up message have no type byte
        header = start + _LENGTH_BYTES
        if len(self._buffer) < header:
            return None
        end = start + int.from_bytes(self._buffer[start:header])
        return end if len(self._buffer) >= end else None


def is_commit(message: bytes) -> bool:
    """Whether a Query or Parse message contains a COMMIT."""
    kind, body = message[:1], message[5:]
    if kind == b"P":
        _name, _, body = body.partition(b"\0")
    return kind in {b"Q", b"P"} and body.lstrip().upper().startswith(b"COMMIT")


class ConnectionCutError(Exception):
    """The network conditions cut the connection at a COMMIT."""


@dataclass(slots=True)
class NetworkConditions:
    """Faults that apply to all connections of a proxy."""

    delay: float = 0.0
    """Seconds added to each chunk."""
    cut: CommitCut | None = None
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set, data is held back and delivered later, as TCP does without acknowledgements."""
    commits_cut: int = 0
    """The number of connections cut at a COMMIT so far."""

    async def apply(self) -> None:
        """Wait until a chunk may pass."""
        if self.delay:
            await asyncio.sleep(self.delay)
        await self.flowing.wait()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a proxied connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read(self) -> bytes:
        """The next chunk; empty once the connection is closed or broken."""
        with suppress(ConnectionError):
            return await self.reader.read(_CHUNK_BYTES)
        return b""

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        """Flush, then close."""
        self.writer.close()

    def abort(self) -> None:
        """Discard unsent data and reset the connection."""
        sock = self.writer.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.writer.transport.abort()


class ProxyConnection:
    """Forwards data between a client and the server."""

    def __init__(self, conditions: NetworkConditions, client: Endpoint, server: Endpoint) -> None:
        self._conditions = conditions
        self._client = client
        self._server = server
        self._parser = MessageParser()
        self._half_open = asyncio.Event()

    async def run(self) -> None:
        """Forward until one end closes or the connection is cut."""
        tasks = [asyncio.create_task(self._forward_requests()), asyncio.create_task(self._forward_responses())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._server.close()
            self._client.close()

    def reset(self) -> None:
        """Reset both ends."""
        self._server.abort()
        self._client.abort()

    def drop_server(self) -> None:
        """Abort the server's end only; the client's end stays open and silent."""
        self._half_open.set()
        self._server.abort()

    async def _forward_requests(self) -> None:
        while data := await self._client.read():
            await self._conditions.apply()
            if self._half_open.is_set():
                continue
            with suppress(ConnectionError):
                for message in self._parser.feed(data):
                    await self._forward(message)

    async def _forward(self, message: bytes) -> None:
        cut = self._conditions.cut if is_commit(message) else None
        if cut != "before":
            await self._server.write(message)
        if cut is not None:
            self._conditions.commits_cut += 1
            raise ConnectionCutError

    async def _forward_responses(self) -> None:
        while data := await self._server.read():
            await self._conditions.apply()
            await self._client.write(data)
        if self._half_open.is_set():
            await asyncio.Event().wait()  # until the client closes, or `reset`
