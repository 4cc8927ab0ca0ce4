"""What can be done to a PostgreSQL: killed, frozen, stopped, its clients thrown out, and started again."""

import signal
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from devtools.postgres.address import default_socket_directory, socket_file
from devtools.postgres.embedded import EmbeddedPostgres, StopMode
from devtools.postgres.server import Postmaster
from faults.processes import children_of, command_of, send, wait_until

DURABLE: Final[Mapping[str, str]] = MappingProxyType({"fsync": "on", "synchronous_commit": "on"})
"""What PostgreSQL does by itself, said; whoever sets another thing here plants a bug."""

_LEAVES_NOTHING: Final = {"dynamic_shared_memory_type": "mmap"}
"""Shared memory in files of the folder: in the system's, it would outlive a killed server."""
_END_SECONDS: Final = 60.0


class ClusterError(Exception):
    """The server does not do what it was told. The message is one sentence."""


class ServerControl:
    """All that can be done to the server of the folder `folder`, by any process that knows the folder.

    The options are those of a start; a restart by another process has to be given the same.
    """

    def __init__(self, folder: Path, *, options: Mapping[str, str] = DURABLE) -> None:
        self._data = folder.resolve() / "data"
        self.postgres = EmbeddedPostgres(self._data, options=_LEAVES_NOTHING | dict(options))

    @property
    def socket(self) -> Path:
        """The file of the Unix socket that the server listens on."""
        return socket_file(default_socket_directory(self._data))

    def start(self) -> None:
        """Have the server answer. What a killed one has left behind is in nobody's way."""
        with self.postgres.running():
            pass  # as long as another block is open, the end of this one leaves the server running

    def kill(self) -> None:
        """`kill -9` of all its processes at once: nobody is there to tidy up, or to say goodbye."""
        send(signal.SIGSTOP, self.pids()[:1])  # it would start others, and they would notice that it is gone
        pids = self.pids()
        send(signal.SIGKILL, reversed(pids))
        self._wait_for_end(pids)

    def stop(self, mode: StopMode) -> None:
        """`fast` rolls back what runs; `immediate` ends as by a crash. Returns when all of it has ended."""
        pids = self.pids()
        send(signal.SIGINT if mode == "fast" else signal.SIGQUIT, pids[:1])
        self._wait_for_end(pids)

    def freeze(self) -> None:
        """SIGSTOP of all its processes: connections stay open, and nothing answers."""
        postmaster = self.pids()[:1]
        send(signal.SIGSTOP, postmaster)  # first of all, so that no new child slips through
        send(signal.SIGSTOP, self.pids()[1:])

    def thaw(self) -> None:
        """The end of `freeze`; a server that is not frozen does not notice."""
        send(signal.SIGCONT, reversed(self.pids()))

    def kill_backend(self) -> bool:
        """`kill -9` of one client's process: the server ends all of them and recovers; False if none is there."""
        backends = self.backends()
        send(signal.SIGKILL, backends[:1])
        return bool(backends)

    def terminate_backends(self) -> int:
        """What pg_terminate_backend does, to all clients at once; how many there were."""
        backends = self.backends()
        send(signal.SIGTERM, backends)
        return len(backends)

    def pids(self) -> list[int]:
        """The server's processes, its first one first; none if it does not run."""
        note = Postmaster.read(self._data / "cluster" / "postmaster.pid")
        if note is None or str(self._data) not in command_of(note.pid):
            return []  # the number of one that was killed may be any other process's by now
        return [note.pid, *children_of(note.pid)]

    def backends(self) -> list[int]:
        """Those that serve a client."""
        return [pid for pid in self.pids()[1:] if command_of(pid).startswith("postgres: super super ")]

    def _wait_for_end(self, pids: list[int]) -> None:
        if not wait_until(lambda: not any(command_of(pid) for pid in pids), seconds=_END_SECONDS):
            raise ClusterError(f"The server in {self._data} does not end.")
