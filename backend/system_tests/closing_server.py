"""An upstream that responds once, and then closes each connection on which it receives a request."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Final

_RESPONSE: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class ClosingServer(socketserver.ThreadingTCPServer):
    """Keeps the connection of its first response open, and records the request line of every request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.request_lines: list[bytes] = []

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])


@contextmanager
def closing_server() -> Iterator[ClosingServer]:
    """Serve in a thread until the end of the block."""
    with ClosingServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(socketserver.StreamRequestHandler):
    server: ClosingServer

    def handle(self) -> None:
        while line := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            self.server.request_lines.append(line)
            if len(self.server.request_lines) > 1:
                return
            self.wfile.write(_RESPONSE)
