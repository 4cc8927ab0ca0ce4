"""Start, recognise and stop the PostgreSQL server of one cluster."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TextIO

from devtools.postgres.account import EmbeddedPostgresError, last_lines
from devtools.postgres.address import PORT, ServerAddress, default_socket_directory, make_private, socket_file
from devtools.postgres.cluster import Cluster

StopMode = Literal["fast", "immediate"]

_SIGNALS: Final[Mapping[StopMode, signal.Signals]] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_START_TIMEOUT: Final = 120.0
"""Seconds; after a crash the server first replays its write-ahead log."""
_STOP_TIMEOUT: Final = 60.0
_POLL_INTERVAL: Final = 0.02


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The content of `postmaster.pid`. The file outlives a killed server, so all of it may be stale."""

    pid: int
    directory: Path
    is_ready: bool

    @classmethod
    def read(cls, file: Path) -> "Postmaster | None":
        """None if the file does not exist or is incomplete."""
        with suppress(FileNotFoundError, ValueError):
            pid, _data, _started, _port, directory, *rest = file.read_text().splitlines()
            return cls(int(pid), Path(directory), is_ready=rest[-1:] == ["ready   "])
        return None

    def signal(self, mode: StopMode) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, _SIGNALS[mode])


@dataclass(frozen=True, slots=True)
class Server:
    """The server of a cluster. The caller of a method holds the lifecycle lock.

    A server is alive while `server.lock` is locked, which its processes do from the first to the last: the pid in
    `postmaster.pid` may belong to another process by now.
    """

    cluster: Cluster
    options: Mapping[str, str]
    initdb_options: Sequence[str]

    def ensure_running(self, *, lock: TextIO) -> ServerAddress:
        """Join the running server, or start one."""
        if not _wait(lambda: self._is_ready() or not self._is_alive(), timeout=_START_TIMEOUT):
            raise self._error("does not become ready")
        running = self._read_running()
        address = ServerAddress(running.directory if running else default_socket_directory(self.cluster.data))
        if running is None or not address.accepts_connections():
            # A server that is ready and unreachable has lost its socket, for example to a cleanup of /tmp.
            self.stop("fast")
            self._start(address, lock=lock)
        return address

    def stop(self, mode: StopMode) -> None:
        """Stop the server and wait for its end. After a minute it is stopped without a checkpoint."""
        running = self._read_running()
        if not self._stop_with(mode) and not self._stop_with("immediate"):
            raise self._error("does not stop")
        if running is not None:
            with suppress(OSError):
                running.directory.rmdir()

    def _start(self, address: ServerAddress, *, lock: TextIO) -> None:
        fixed = {"listen_addresses": "", "unix_socket_directories": str(address.directory), "port": str(PORT)}
        options = [f"--{name}={value}" for name, value in {**self.options, **fixed}.items()]
        self.cluster.ensure_initialized(options, initdb_options=self.initdb_options, lock=lock)
        make_private(address.directory)
        _remove_socket(address.directory)
        self._launch(options)
        _wait(lambda: self._is_ready() or not self._is_alive(), timeout=_START_TIMEOUT)
        if not self._is_ready():
            raise self._error("does not start")

    def _launch(self, options: Sequence[str]) -> None:
        self._pid_file.unlink(missing_ok=True)  # of a dead server, whose pid may be in use again
        if self._log_file.exists():
            self._log_file.replace(self._log_file.with_name("server.old.log"))
        with self._lock_file.open("w") as lock, self._log_file.open("w") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            location = ("-D", str(self.cluster.directory))
            self.cluster.account.launch(self.cluster.postgres, *location, *options, output=log, locks=[lock])

    def _stop_with(self, mode: StopMode) -> bool:
        """Send the signal, once the server has written its pid file. Returns whether it ended in time."""
        _wait(lambda: self._read_running() is not None or not self._is_alive(), timeout=_STOP_TIMEOUT)
        running = self._read_running()
        if running is not None:
            running.signal(mode)
        return _wait(lambda: not self._is_alive(), timeout=_STOP_TIMEOUT)

    def _is_ready(self) -> bool:
        running = self._read_running()
        return running is not None and running.is_ready

    def _read_running(self) -> Postmaster | None:
        return Postmaster.read(self._pid_file) if self._is_alive() else None

    def _is_alive(self) -> bool:
        with self._lock_file.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _error(self, problem: str) -> EmbeddedPostgresError:
        log = last_lines(self._log_file.read_text(errors="replace"))
        return EmbeddedPostgresError(f"The PostgreSQL in {self.cluster.data} {problem}: {log}")

    @property
    def _pid_file(self) -> Path:
        return self.cluster.directory / "postmaster.pid"

    @property
    def _lock_file(self) -> Path:
        return self.cluster.data / "server.lock"

    @property
    def _log_file(self) -> Path:
        return self.cluster.data / "server.log"


def _remove_socket(directory: Path) -> None:
    """Remove the socket of a killed server. A server whose data directory has been deleted is stopped first."""
    file = socket_file(directory)
    lock_file = file.with_name(f"{file.name}.lock")
    other = Postmaster.read(lock_file)
    if other is not None and ServerAddress(directory).accepts_connections():
        other.signal("immediate")
        if not _wait(lambda: not lock_file.exists(), timeout=_STOP_TIMEOUT):
            raise EmbeddedPostgresError(f"Another PostgreSQL, which does not stop, has its socket in {directory}.")
    for leftover in (file, lock_file):
        leftover.unlink(missing_ok=True)


def _wait(condition: Callable[[], bool], *, timeout: float) -> bool:
    """Poll until the condition is true. Returns False after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (is_true := condition()) and time.monotonic() < deadline:
        time.sleep(_POLL_INTERVAL)
    return is_true
