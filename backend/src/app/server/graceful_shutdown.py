"""Start and graceful shutdown: SIGTERM fails no request that has been sent, with one process or with several.

1. The readiness probe returns 503 and each response closes its connection, so load balancers and clients move away.
2. For the drain timeout, requests are still accepted and served.
3. The listening sockets are closed. Connections waiting in their backlog are accepted first, and served.
4. In-flight requests have until uvicorn's graceful timeout to finish, then they are cancelled. The timeout is shorter
   than the one for request bodies: a longer upload is cut off, before its write has begun.
5. The database connections are closed when the cancelled requests have ended, or after a second.

A server is ready when it accepts connections and the application's `is_ready` returns true. The ready notice is
published when all workers are, and withdrawn when the shutdown begins.

SIGINT starts at 3. A second signal ends the process at once.

PRIVATE: this module, `workers` and `protocol` rely on internals of uvicorn 0.54; `protocol` does so while it handles
requests. pyproject.toml pins the version, and tests/server/test_uvicorn_contract.py checks that the names exist.
"""

import asyncio
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Final

from uvicorn import Config, Server

from app.logging import drain_logs
from app.observability.episodes import DESCRIPTOR_SHORTAGE
from app.server.ready_notice import ReadyNotice

_SETTLE_DELAY: Final = 0.2
"""Seconds for data in transit to arrive after the listening sockets are closed."""
_READINESS_INTERVAL: Final = 0.5
_TICKS_PER_SECOND: Final = 10
_CANCEL_GRACE_SECONDS: Final = 1.0


class GracefulServer(Server):
    """A uvicorn server that drains for `drain_timeout` seconds after SIGTERM.

    The application finds the event `draining` in its lifespan state; it is set when the shutdown begins. It may put
    the function `is_ready` there, which is called until it returns true.
    """

    def __init__(self, config: Config, *, drain_timeout: float, notice: ReadyNotice | None = None) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._notice = notice
        self._drain_timeout = drain_timeout
        self._draining = threading.Event()
        self._stop_at = float("inf")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state["draining"] = self._draining
        await super().startup(sockets)
        self._readiness_task = asyncio.create_task(self._wait_until_ready())

    async def _wait_until_ready(self) -> None:
        is_ready = self.lifespan.state.get("is_ready")
        while not self.ready.is_set():
            if is_ready is None or await is_ready():
                self.ready.set()
            else:
                await asyncio.sleep(_READINESS_INTERVAL)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            try:
                yield
            finally:
                drain_logs()  # before the signal that was captured ends the process

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = bool(self._captured_signals)
        if sig == signal.SIGTERM and not self.force_exit:
            self._captured_signals.append(sig)
            self._stop_at = time.monotonic() + self._drain_timeout
            self._draining.set()
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_PER_SECOND == 0:
            _check_descriptors()
        if self._notice is not None:
            if self._draining.is_set():
                self._notice.withdraw()
            elif self.ready.is_set():
                self._notice.publish()
        return await super().on_tick(counter) or time.monotonic() >= self._stop_at

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._draining.set()
        self._readiness_task.cancel()
        if self._notice is not None:
            self._notice.withdraw()
        if not self.force_exit:
            await self._accept_backlog(sockets or [])
            await asyncio.sleep(_SETTLE_DELAY)
        # uvicorn ends the lifespan right after cancelling requests, without waiting for them to end.
        self.lifespan.shutdown = partial(self._wait_for_cancelled, self.lifespan.shutdown)
        await super().shutdown(sockets)

    async def _wait_for_cancelled(self, lifespan_shutdown: Callable[[], Awaitable[None]]) -> None:
        if cancelled := set(self.server_state.tasks):
            await asyncio.wait(cancelled, timeout=_CANCEL_GRACE_SECONDS)
        await lifespan_shutdown()

    async def _accept_backlog(self, listeners: list[socket.socket]) -> None:
        """Stop listening, and serve the connections of the backlog, which closing the sockets would reset."""
        pending = [connection for server in self.servers for connection in _pending_connections(server)]
        for server in self.servers:
            server.close()
        for listener in listeners:
            listener.close()
        protocol = partial(  # type: ignore[call-arg]  # the keyword arguments of uvicorn's protocol classes
            self.config.http_protocol_class,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        for connection in pending:
            await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)


def _pending_connections(server: asyncio.Server) -> list[socket.socket]:
    """Accept all connections in the backlog of a server's sockets."""
    connections = []
    for listener in server.sockets:
        with socket.fromfd(listener.fileno(), listener.family, listener.type) as duplicate:
            duplicate.settimeout(0)
            while (connection := _accept(duplicate)) is not None:
                connections.append(connection)
    return connections


def _accept(listener: socket.socket) -> socket.socket | None:
    try:
        connection, _ = listener.accept()
    except OSError:
        return None
    connection.settimeout(0)
    return connection


def _check_descriptors() -> None:
    """Log that this process has no free file descriptor: libuv closes new connections then, without an error."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        DESCRIPTOR_SHORTAGE.begin(limit=resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    else:
        DESCRIPTOR_SHORTAGE.end()
