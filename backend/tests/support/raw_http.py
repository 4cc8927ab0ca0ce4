"""Serve the application on a real socket, and send it requests as exact bytes."""

import json
import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPResponse
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from fastapi import FastAPI

from app.server.protocol import HttpProtocol

JSON: Final = {"content-type": "application/json"}
_TIMEOUT_SECONDS: Final = 20
_BYTE_INTERVAL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A response with its headers and body as received."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class RawConnection:
    """One keep-alive connection; if the server closes it, the next request fails the test."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def request(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] = JSON
    ) -> RawResponse:
        """Send `target` encoded as Latin-1, and `body` with its length; nothing else is quoted, repaired or added."""
        lines = [f"{method} {target} HTTP/1.1", "host: deals.test"]
        if body is not None:
            lines += [f"{name}: {value}" for name, value in headers.items()] + [f"content-length: {len(body)}"]
        return self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""), method=method)

    def send(self, request: bytes, *, method: str) -> RawResponse:
        """Send a complete request unchanged; fail if the response closes the connection."""
        response, closes = self._send(request, method=method)
        assert not closes, "the response closes the connection"
        return response

    def send_expecting_close(self, request: bytes, *, method: str) -> RawResponse:
        """Send a request, complete or not; fail unless the response closes the connection."""
        response, closes = self._send(request, method=method)
        assert closes, "the response does not close the connection"
        assert self._is_closed_by_server()
        return response

    def send_unchecked(self, request: bytes, method: str) -> RawResponse:
        """Send a request; the response may or may not close the connection."""
        response, _ = self._send(request, method=method)
        return response

    def trickle(self, start: bytes, *, then: bytes) -> bool:
        """Send `start` at once and `then` byte by byte. Return whether a response arrived before the end."""
        self._socket.sendall(start)
        for byte in then:
            if select.select([self._socket], [], [], _BYTE_INTERVAL_SECONDS)[0]:
                return True
            self._socket.sendall(bytes([byte]))
        return False

    def _is_closed_by_server(self) -> bool:
        try:
            return self._socket.recv(1) == b""
        except ConnectionResetError:  # the server closed without reading everything that was sent
            return True

    def _send(self, request: bytes, *, method: str) -> tuple[RawResponse, bool]:
        if request:
            self._socket.sendall(request)
        with HTTPResponse(self._socket, method=method) as response:
            response.begin()
            return RawResponse(response.status, response.headers, response.read()), response.will_close


@contextmanager
def serving(app: FastAPI) -> Iterator[int]:
    """Serve `app` with its lifespan in a thread, configured as in production; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=HttpProtocol, ws="none", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
