"""Several worker processes, and the process that supervises them. Relies on internals of uvicorn 0.54."""

import os
import signal
import socket
import sys
from multiprocessing.connection import wait
from typing import Final

import structlog
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess, multiprocess

from app.config import load_settings
from app.logging import configure_logging, drain_logs
from app.server.graceful_shutdown import GracefulServer
from app.server.ready_notice import ReadyNotice

_POLL_INTERVAL: Final = 0.1

_log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger("server")


class WorkerProcess(multiprocess.Process):
    """A worker whose server shuts down gracefully, and whose end is noticed at once."""

    is_known_ready = False

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Run in the process of the worker. If its server fails before it has started, no worker is started again."""
        configure_logging(load_settings())
        try:
            super().target(sockets)
        except Exception:  # noqa: BLE001  multiprocessing would print it
            _log.exception("worker_failed")
            sys.exit(1 if self.server.started else STARTUP_FAILURE)
        finally:
            drain_logs()  # multiprocessing ends the process without exit handlers

    def pong(self) -> None:
        """Reply to a ping with the readiness of the server, which the main thread creates."""
        self.child_conn.recv()
        self.child_conn.send(isinstance(self._server, GracefulServer) and self._server.ready.is_set())

    def is_alive(self, timeout: float = 5) -> bool:
        """Whether the worker responds within `timeout`. uvicorn's check waits even if the process has ended."""
        if not self.process.is_alive():
            return False
        try:
            self.parent_conn.send(b"ping")
            if self.parent_conn not in wait([self.parent_conn, self.process.sentinel], timeout):
                return False
            self.is_known_ready = self.parent_conn.recv()
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

    def __init__(self, config: Config, *, sockets: list[socket.socket], notice: ReadyNotice) -> None:
        multiprocess.Process = WorkerProcess  # type: ignore[misc]  # uvicorn has no parameter for the class
        super().__init__(config, sockets)
        self._notice = notice
        self._signal = signal.SIGTERM

    def handle_int(self) -> None:
        self._signal = signal.SIGINT
        super().handle_int()

    def keep_subprocess_alive(self) -> None:
        super().keep_subprocess_alive()
        if all(isinstance(process, WorkerProcess) and process.is_known_ready for process in self.processes):
            self._notice.publish()

    def terminate_all(self) -> None:
        self._notice.withdraw()
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
