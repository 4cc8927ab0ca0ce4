"""A PostgreSQL server that can be killed, paused, stopped and restarted, by any process that knows its folder."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

from devtools.postgres import EmbeddedPostgres, ServerAddress, StopMode
from devtools.postgres.address import default_socket_directory, socket_file
from devtools.postgres.server import Postmaster
from faults.processes import get_children, get_command_line, send_signal, wait_until

DURABLE: Final[Mapping[str, str]] = MappingProxyType({"fsync": "on", "synchronous_commit": "on"})
"""PostgreSQL's defaults, stated; a mutant overrides them."""

_SHARED_MEMORY_IN_FILES: Final = {"dynamic_shared_memory_type": "mmap"}
"""In files of the folder: System V segments would outlive a killed server."""
_STOP_TIMEOUT_SECONDS: Final = 60.0


class PostgresError(Exception):
    """The server does not stop. The message is one sentence."""


class PostgresCluster:
    """Controls the server with its data in `folder`.

    `options` apply when the server starts; a process that restarts it must pass the same ones.
    """

    def __init__(self, folder: Path, *, options: Mapping[str, str] = DURABLE) -> None:
        self._data = folder.resolve() / "data"
        self._postgres = EmbeddedPostgres(self._data, options=_SHARED_MEMORY_IN_FILES | dict(options))

    @property
    def socket(self) -> Path:
        """The Unix socket that the server listens on."""
        return socket_file(default_socket_directory(self._data))

    @contextmanager
    def running(self) -> Iterator[ServerAddress]:
        """The server, started if necessary, and stopped at the end of the block even if it is paused."""
        with self._postgres.running(stop_mode="immediate") as address:
            try:
                yield address
            finally:
                self.resume()

    def start(self) -> None:
        """Start the server and wait until it accepts connections; recovers from a crash."""
        with self._postgres.running():
            pass  # an enclosing `running` block, of this or another process, keeps it running

    def kill(self) -> None:
        """SIGKILL all processes of the server at once, so that none can clean up."""
        send_signal(signal.SIGSTOP, self.pids()[:1])  # the postmaster must neither fork nor notice that a child is gone
        pids = self.pids()
        send_signal(signal.SIGKILL, reversed(pids))
        self._wait_for_exit(pids)

    def stop(self, mode: StopMode) -> None:
        """Shut down and wait: `fast` rolls back running transactions, `immediate` is a crash."""
        pids = self.pids()
        send_signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT, pids[:1])
        self._wait_for_exit(pids)

    def pause(self) -> None:
        """SIGSTOP all processes: connections stay open, and nothing responds."""
        send_signal(signal.SIGSTOP, self.pids()[:1])  # the postmaster first, so that it forks no more children
        send_signal(signal.SIGSTOP, self.pids()[1:])

    def resume(self) -> None:
        """Undo `pause`; has no effect on a running server."""
        send_signal(signal.SIGCONT, reversed(self.pids()))

    def kill_backend(self) -> None:
        """SIGKILL one client's backend, after which the server terminates all others and recovers."""
        send_signal(signal.SIGKILL, self._backends()[:1])

    def terminate_backends(self) -> None:
        """Like pg_terminate_backend, for all client backends."""
        send_signal(signal.SIGTERM, self._backends())

    def pids(self) -> list[int]:
        """All processes of the server, the postmaster first; empty if it is not running."""
        postmaster = Postmaster.read(self._data / "cluster" / "postmaster.pid")
        if postmaster is None or str(self._data) not in get_command_line(postmaster.pid):
            return []  # the pid of a killed server may have been reused
        return [postmaster.pid, *get_children(postmaster.pid)]

    def _backends(self) -> list[int]:
        return [pid for pid in self.pids()[1:] if get_command_line(pid).startswith("postgres: super super ")]

    def _wait_for_exit(self, pids: list[int]) -> None:
        if not wait_until(lambda: not any(get_command_line(pid) for pid in pids), seconds=_STOP_TIMEOUT_SECONDS):
            raise PostgresError(f"The server in {self._data} does not stop.")
