"""A service that answers once and then closes each connection on which it is asked."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Final, Self

_ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Breaking(socketserver.ThreadingTCPServer):
    """It keeps the connection of its first answer, and remembers the first line of every request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.seen: list[bytes] = []

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator[Self]:
        """Serve in a thread until the end of the block."""
        with cls() as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])


class _Connection(socketserver.StreamRequestHandler):
    server: Breaking

    def handle(self) -> None:
        while line := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            self.server.seen.append(line)
            if len(self.server.seen) > 1:
                return
            self.wfile.write(_ANSWER)
