"""The service on a real socket, and a client that sends bytes exactly as they are written."""

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

JSON: Final = {"content-type": "application/json"}
_PATIENCE_SECONDS: Final = 20
_BETWEEN_BYTES_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One keep-alive connection; a server that cuts it fails the test that asks next."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] = JSON) -> Answer:
        """Send `target`, in Latin-1, and `body` with its length; nothing is quoted, repaired or added."""
        lines = [f"{method} {target} HTTP/1.1", "host: deals.test"]
        if body is not None:
            lines += [f"{name}: {value}" for name, value in headers.items()] + [f"content-length: {len(body)}"]
        return self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""), method=method)

    def send(self, request: bytes, *, method: str) -> Answer:
        """Send a whole request as it is."""
        answer, closes = self._send(request, method=method)
        assert not closes, "the connection must stay"
        return answer

    def send_last(self, request: bytes, *, method: str) -> Answer:
        """Send a request, or what there is of it, whose answer must end the connection."""
        answer, closes = self._send(request, method=method)
        assert closes, "the connection must end"
        assert self._has_ended()
        return answer

    def send_any(self, request: bytes, method: str) -> Answer:
        """Send a request; what becomes of the connection is another matter."""
        answer, _ = self._send(request, method=method)
        return answer

    def trickle(self, start: bytes, *, then: bytes) -> bool:
        """Send `start` at once and the rest byte by byte; whether an answer came before the end."""
        self._socket.sendall(start)
        for byte in then:
            if select.select([self._socket], [], [], _BETWEEN_BYTES_SECONDS)[0]:
                return True
            self._socket.sendall(bytes([byte]))
        return False

    def _has_ended(self) -> bool:
        try:
            return self._socket.recv(1) == b""
        except ConnectionResetError:  # the server did not read all that was sent
            return True

    def _send(self, request: bytes, *, method: str) -> tuple[Answer, bool]:
        if request:
            self._socket.sendall(request)
        with HTTPResponse(self._socket, method=method) as response:
            response.begin()
            return Answer(response.status, response.headers, response.read()), response.will_close


@contextmanager
def serving(app: FastAPI) -> Iterator[int]:
    """Serve `app` in a thread as production does, with its lifespan; the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http="httptools", ws="none", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
