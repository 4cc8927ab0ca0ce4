"""Graceful shutdown: SIGTERM fails no request that has been sent, with one process or with several.

1. The readiness probe returns 503 and each response closes its connection, so load balancers and clients move away.
2. For the drain timeout, requests are still accepted and served.
3. The listening sockets are closed. Connections waiting in their backlog are accepted first, and served.
4. In-flight requests have until uvicorn's graceful timeout to finish, then they are cancelled. The timeout is shorter
   than the one for request bodies: a longer upload is cut off, before its write has begun.
5. The database connections are closed when the cancelled requests have ended, or after a second.

SIGINT starts at 3. A second signal ends the process at once.

PRIVATE: this module relies on internals of uvicorn 0.54. pyproject.toml pins the version, and
tests/server/test_uvicorn_contract.py checks that the names exist.
"""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from multiprocessing.connection import wait
from types import FrameType
from typing import Final

from uvicorn import Config, Server
from uvicorn.supervisors import Multiprocess, multiprocess

from app.config import load_settings

_SETTLE_DELAY: Final = 0.2
"""Seconds for data in transit to arrive after the listening sockets are closed."""
_POLL_INTERVAL: Final = 0.1
_CANCEL_GRACE_SECONDS: Final = 1.0


class GracefulServer(Server):
    """A uvicorn server that drains for `drain_timeout` seconds after SIGTERM.

    The application finds the event `draining` in its lifespan state; it is set when the shutdown begins.
    """

    def __init__(self, config: Config, *, drain_timeout: float) -> None:
        super().__init__(config)
        self._drain_timeout = drain_timeout
        self._draining = threading.Event()
        self._stop_at = float("inf")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state["draining"] = self._draining
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = bool(self._captured_signals)
        if sig == signal.SIGTERM and not self.force_exit:
            self._captured_signals.append(sig)
            self._stop_at = time.monotonic() + self._drain_timeout
            self._draining.set()
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or time.monotonic() >= self._stop_at

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._draining.set()
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


class WorkerProcess(multiprocess.Process):
    """A worker whose server shuts down gracefully, and whose end is noticed at once."""

    def is_alive(self, timeout: float = 5) -> bool:
        """Whether the worker responds within `timeout`. uvicorn's check waits even if the process has ended."""
        if not self.process.is_alive():
            return False
        try:
            self.parent_conn.send(b"ping")
            if self.parent_conn not in wait([self.parent_conn, self.process.sentinel], timeout):
                return False
            self.parent_conn.recv()
        except (OSError, EOFError):
            return False
        return True

    @property
    def server(self) -> Server:
        if self._server is None:
            self._server = GracefulServer(self.config, drain_timeout=load_settings().shutdown_drain_timeout)
        return self._server


class GracefulMultiprocess(Multiprocess):
    """A uvicorn supervisor that forwards the signal it received to its workers, and kills them at a second one."""

    def __init__(self, config: Config, *, sockets: list[socket.socket]) -> None:
        multiprocess.Process = WorkerProcess  # type: ignore[misc]  # uvicorn has no parameter for the class
        super().__init__(config, sockets)
        self._signal = signal.SIGTERM

    def handle_int(self) -> None:
        self._signal = signal.SIGINT
        super().handle_int()

    def terminate_all(self) -> None:
        for process in self.processes:
            if process.pid is not None and process.exitcode is None:
                os.kill(process.pid, self._signal)
        for listener in self.sockets:  # otherwise the backlog would outlive the last worker
            listener.close()

    def join_all(self) -> None:
        while any(process.exitcode is None for process in self.processes):
            if self.signal_queue:
                for process in self.processes:
                    process.kill()
            for process in self.processes:
                process.process.join(_POLL_INTERVAL)
