"""An upstream with fixed responses in place of an instance of the service."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Final

OK: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
UNAVAILABLE: Final = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}"
CLOSES: Final = b""
"""Closes the connection without a response, as a process that is killed does."""
SILENT: Final = None


class FakeInstance(socketserver.ThreadingTCPServer):
    """Sends one response for each request, the last one repeatedly, and records all request lines."""

    daemon_threads = True

    def __init__(self, *responses: bytes | None, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.request_lines: list[bytes] = []
        self._responses = responses

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def next_response(self, request_line: bytes) -> bytes | None:
        self.request_lines.append(request_line)
        return self._responses[min(len(self.request_lines), len(self._responses)) - 1]


@contextmanager
def fake_instance(*responses: bytes | None, port: int = 0) -> Iterator[FakeInstance]:
    """Serve in a thread until the end of the block; by default on a free port."""
    with FakeInstance(*responses, port=port) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(socketserver.StreamRequestHandler):
    server: FakeInstance

    def handle(self) -> None:
        while line := self.rfile.readline():
            length = 0
            while header := self.rfile.readline().strip().lower():
                if header.startswith(b"content-length:"):
                    length = int(header.partition(b":")[2])
            self.rfile.read(length)
            response = self.server.next_response(line)
            if response == CLOSES:
                return
            if response is SILENT:
                self.rfile.read()
                return
            self.wfile.write(response)
