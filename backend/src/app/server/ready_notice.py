"""Notices that the service is ready, for scripts and service managers: a file, and systemd's protocol."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

_log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger("server")


class ReadyNotice:
    """Announces that this process, with all its workers, is ready; both methods may be called repeatedly.

    The file contains the process id. systemd is notified over NOTIFY_SOCKET if it has set that. If the file cannot be
    written or removed, this is logged, and systemd is notified all the same.
    """

    def __init__(self, path: str | None) -> None:
        self._path = None if path is None else Path(path)
        self._is_published = False

    def publish(self) -> None:
        """Create the file, with its content from the start, and notify systemd."""
        if not self._is_published:
            self._is_published = True
            if self._path is not None:
                with _logged_errors(self._path):
                    _write_atomically(self._path, f"{os.getpid()}\n")
            _notify_systemd("READY=1")

    def withdraw(self) -> None:
        """Remove the file, and notify systemd of the shutdown."""
        if self._is_published:
            self._is_published = False
            if self._path is not None:
                with _logged_errors(self._path):
                    remove_ready_file(self._path, pid=os.getpid())
            _notify_systemd("STOPPING=1")


def remove_ready_file(path: Path, *, pid: int) -> None:
    """Remove the file of the process `pid`, but not that of a process that has replaced it. Raises OSError."""
    with suppress(FileNotFoundError):
        if path.read_bytes() == f"{pid}\n".encode():
            path.unlink()


@contextmanager
def _logged_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError:
        _log.exception("ready_file_failed", path=str(path))


def _write_atomically(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(text)
            file.flush()
            temporary.chmod(0o644)
            temporary.replace(path)
        except OSError:
            temporary.unlink()
            raise


def _notify_systemd(state: str) -> None:
    if address := os.environ.get("NOTIFY_SOCKET"):
        address = f"\0{address[1:]}" if address.startswith("@") else address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as manager:
            manager.sendto(state.encode(), address)
