"""How the service stops: SIGTERM fails no request that was sent, however many processes there are.

1. The readiness turns 503, and every answer closes its connection: balancers and clients go elsewhere.
2. For the drain time everything is still taken and answered.
3. Nobody listens any more; connections that were waiting are taken, and what they ask is answered.
4. What still runs has the graceful timeout to end: `deals serve` gives it ten seconds. That is less than a body may
   take to come, so an upload that goes on for longer than that is cut. Its write has not begun.
5. The database is let go of once what was cut has ended, or after a second.

SIGINT starts at 3. A second signal ends everything at once.
"""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from types import FrameType
from typing import Final

from uvicorn import Config, Server
from uvicorn.supervisors import Multiprocess, multiprocess

from app.config import load_settings

_SETTLE_SECONDS: Final = 0.2
"""For what has been sent to arrive, once nobody listens."""
_LOOK_SECONDS: Final = 0.1
_CUT_SECONDS: Final = 1.0


class GracefulServer(Server):
    """uvicorn's server, which drains for `seconds` before it stops; the application finds `draining` in its state."""

    def __init__(self, config: Config, *, seconds: float) -> None:
        super().__init__(config)
        self._seconds = seconds
        self._draining = threading.Event()
        self._stop_at = float("inf")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state["draining"] = self._draining
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = bool(self._captured_signals)
        if sig == signal.SIGTERM and not self.force_exit:
            self._captured_signals.append(sig)
            self._stop_at = time.monotonic() + self._seconds
            self._draining.set()
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or time.monotonic() >= self._stop_at

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._draining.set()
        if not self.force_exit:
            await self._take_the_last(sockets or [])
            await asyncio.sleep(_SETTLE_SECONDS)
        self.lifespan.shutdown = partial(self._end, self.lifespan.shutdown)  # uvicorn cancels, and calls it at once
        await super().shutdown(sockets)

    async def _end(self, lifespan_shutdown: Callable[[], Awaitable[None]]) -> None:
        if cut := set(self.server_state.tasks):
            await asyncio.wait(cut, timeout=_CUT_SECONDS)
        await lifespan_shutdown()

    async def _take_the_last(self, listeners: list[socket.socket]) -> None:
        """Stop listening. The system resets what waits at a listener when it is closed, so that is accepted first."""
        waiting = [connection for server in self.servers for connection in _waiting(server)]
        for server in self.servers:
            server.close()
        for listener in listeners:
            listener.close()
        protocol = partial(  # type: ignore[call-arg]  # as uvicorn calls it, whose protocols take these
            self.config.http_protocol_class,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        for connection in waiting:
            await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)


def _waiting(server: asyncio.Server) -> list[socket.socket]:
    """The connections that nobody has accepted yet."""
    connections = []
    for listener in server.sockets:
        with socket.fromfd(listener.fileno(), listener.family, listener.type) as same:
            same.settimeout(0)
            while (connection := _accept(same)) is not None:
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
    """One process of several."""

    @property
    def server(self) -> Server:
        if self._server is None:
            self._server = GracefulServer(self.config, seconds=load_settings().shutdown_drain_timeout)
        return self._server


class GracefulMultiprocess(Multiprocess):
    """uvicorn's supervisor of processes that drain. It hands on the signal that it gets, and kills at a second one."""

    def __init__(self, config: Config, *, sockets: list[socket.socket]) -> None:
        multiprocess.Process = WorkerProcess  # type: ignore[misc]  # uvicorn has no other way to name the class
        super().__init__(config, sockets)
        self._signal = signal.SIGTERM

    def handle_int(self) -> None:
        self._signal = signal.SIGINT
        super().handle_int()

    def terminate_all(self) -> None:
        for process in self.processes:
            if process.pid is not None and process.exitcode is None:
                os.kill(process.pid, self._signal)
        for listener in self.sockets:  # the last worker that closes it leaves nobody waiting
            listener.close()

    def join_all(self) -> None:
        while any(process.exitcode is None for process in self.processes):
            if self.signal_queue:
                for process in self.processes:
                    process.kill()
            for process in self.processes:
                process.process.join(_LOOK_SECONDS)
