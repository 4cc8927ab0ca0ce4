"""The PostgreSQL server of one cluster: recognised, started and stopped."""

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
_START_SECONDS: Final = 120.0  # after a crash the server first reads its log back to the last checkpoint
_STOP_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What a server noted about itself; the note outlives a killed server, so all of it may be stale."""

    pid: int
    directory: Path
    is_ready: bool

    @classmethod
    def read(cls, note: Path) -> "Postmaster | None":
        """None as long as there is no note, or only the beginning of one."""
        with suppress(FileNotFoundError, ValueError):
            pid, _folder, _started, _port, directory, *rest = note.read_text().splitlines()
            return cls(int(pid), Path(directory), is_ready=rest[-1:] == ["ready   "])
        return None

    def signal(self, mode: StopMode) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, _SIGNALS[mode])


@dataclass(frozen=True, slots=True)
class Server:
    """The one server of a cluster. Whoever calls a method has the turn to start and stop it.

    Whether it lives is told by a file that it keeps locked from its start to the end of its last process: the number
    in its note may be any other process's by now.
    """

    cluster: Cluster
    options: Mapping[str, str]
    initdb_options: Sequence[str]

    def ensure_running(self, *, turn: TextIO) -> ServerAddress:
        """Join the server that lives, or start one."""
        if not _wait(lambda: self._is_ready() or not self._is_alive(), seconds=_START_SECONDS):
            raise self._error("does not get ready")
        living = self._living()
        address = ServerAddress(living.directory if living else default_socket_directory(self.cluster.data))
        if living is None or not address.answers():
            # A server that is ready and does not answer has lost its socket, say to a cleaner of the temp folder.
            self.stop("fast")
            self._start(address, turn=turn)
        return address

    def stop(self, mode: StopMode) -> None:
        """Return when the server has ended; one that takes more than a minute is stopped as by a crash."""
        living = self._living()
        if not self._ends(mode) and not self._ends("immediate"):
            raise self._error("does not stop")
        if living is not None:
            with suppress(OSError):
                living.directory.rmdir()

    def _start(self, address: ServerAddress, *, turn: TextIO) -> None:
        own = {"listen_addresses": "", "unix_socket_directories": str(address.directory), "port": str(PORT)}
        options = [f"--{name}={value}" for name, value in {**self.options, **own}.items()]
        self.cluster.provide(options, initdb_options=self.initdb_options, turn=turn)
        make_private(address.directory)
        _clear(address.directory)
        self._launch(options)
        _wait(lambda: self._is_ready() or not self._is_alive(), seconds=_START_SECONDS)
        if not self._is_ready():
            raise self._error("does not start")

    def _launch(self, options: Sequence[str]) -> None:
        self._note.unlink(missing_ok=True)  # of a server that has died: its number may be somebody's by now
        if self._log.exists():
            self._log.replace(self._log.with_name("server.old.log"))
        with self._lock.open("w") as lock, self._log.open("w") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            place = ("-D", str(self.cluster.folder))
            self.cluster.account.launch(self.cluster.postgres, *place, *options, output=log, locks=[lock])

    def _ends(self, mode: StopMode) -> bool:
        _wait(lambda: self._living() is not None or not self._is_alive(), seconds=_STOP_SECONDS)
        living = self._living()
        if living is not None:
            living.signal(mode)
        return _wait(lambda: not self._is_alive(), seconds=_STOP_SECONDS)

    def _is_ready(self) -> bool:
        living = self._living()
        return living is not None and living.is_ready

    def _living(self) -> Postmaster | None:
        return Postmaster.read(self._note) if self._is_alive() else None

    def _is_alive(self) -> bool:
        with self._lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _error(self, complaint: str) -> EmbeddedPostgresError:
        said = last_lines(self._log.read_text(errors="replace"))
        return EmbeddedPostgresError(f"The PostgreSQL in {self.cluster.data} {complaint}: {said}")

    @property
    def _note(self) -> Path:
        return self.cluster.folder / "postmaster.pid"

    @property
    def _lock(self) -> Path:
        return self.cluster.data / "server.lock"

    @property
    def _log(self) -> Path:
        return self.cluster.data / "server.log"


def _clear(directory: Path) -> None:
    """Leave no socket in the folder: not that of a killed server, nor of one whose data folder was deleted under it."""
    file = socket_file(directory)
    note = file.with_name(f"{file.name}.lock")
    stranger = Postmaster.read(note)
    if stranger is not None and ServerAddress(directory).answers():
        stranger.signal("immediate")
        if not _wait(lambda: not note.exists(), seconds=_STOP_SECONDS):
            raise EmbeddedPostgresError(f"Another PostgreSQL, which does not stop, has its socket in {directory}.")
    for leftover in (file, note):
        leftover.unlink(missing_ok=True)


def _wait(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not (reached := condition()) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return reached
