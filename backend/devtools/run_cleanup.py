"""Pytest plugin: no process and no temporary file outlives a test run, whether it ends by itself or by a signal.

All temporary files are in one folder, TMPDIR, which every process that a test starts inherits. The folder is deleted
at the end, and processes that still have it in their environment are stopped; if the run is killed, the next one does
that. `--basetemp` keeps the files of tests. Unless TMPDIR is set, the folder is in memory if there is room: that makes
creating a database thirty times cheaper.
"""

import fcntl
import os
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

import pytest

_PREFIX: Final = "deals-tests-"
_LOCK: Final = "run.lock"
"""Locked by the run that uses the folder, for as long as it lives."""
_MEMORY: Final = Path("/dev/shm")  # noqa: S108  mkdtemp makes a private folder in it
_MIN_FREE_MEMORY: Final = 4 << 30
_PROC: Final = Path("/proc")
_GRACE_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.02


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # by a shell, for a command in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    is_worker = hasattr(config, "workerinput")
    config.pluginmanager.register(_Termination(config), "termination")
    if not is_worker:
        parent = _get_memory_folder() or Path(tempfile.gettempdir())
        _delete_abandoned(parent)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        os.environ["TMPDIR"], tempfile.tempdir = str(folder), None
        config.pluginmanager.register(_Cleanup(folder), "cleanup")


class _Termination:
    """Handles SIGTERM like Ctrl-C: the running test is interrupted, and all fixtures are torn down."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._session: pytest.Session | None = None
        signal.signal(signal.SIGTERM, self._terminate)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self._session = session

    def _terminate(self, _number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if self._config.pluginmanager.has_plugin("dsession"):
            for worker in _find_children():
                _send(signal.SIGTERM, worker)
        if self._session is not None:
            self._session.shouldstop = "SIGTERM"  # for a test that catches the interrupt
        signal.raise_signal(signal.SIGINT)


class _Cleanup:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = (folder / _LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def pytest_unconfigure(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        _delete(self._folder)
        self._lock.close()


def _delete_abandoned(parent: Path) -> None:
    """Delete the folders of runs that were killed; those of running ones are locked."""
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError), lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _delete(lock.parent)


def _delete(folder: Path) -> None:
    stop_processes(folder)
    shutil.rmtree(folder, ignore_errors=True)


def stop_processes(folder: Path) -> None:
    """Stop the processes whose temporary folder is `folder` or below it: with SIGINT, later with SIGKILL."""
    for number in (signal.SIGINT, signal.SIGKILL):
        deadline, signalled = time.monotonic() + _GRACE_SECONDS, set[int]()
        while (running := find_processes(folder)) and time.monotonic() < deadline:
            for pid in running - signalled:
                _send(number, pid)
            signalled |= running
            time.sleep(_POLL_SECONDS)


def find_processes(folder: Path) -> set[int]:
    """The ids of the processes that have inherited `folder`, or a folder in it, as TMPDIR; on Linux."""
    prefix = f"TMPDIR={folder}".encode()
    found = set[int]()
    for directory in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            environment = (directory / "environ").read_bytes().split(b"\0")
            if any(variable.startswith(prefix) for variable in environment):
                found.add(int(directory.name))
    return found


def _get_memory_folder() -> Path | None:
    """The folder for files in memory; None if it is small, missing, or does not allow programs, or if TMPDIR is set."""
    if "TMPDIR" in os.environ:
        return None
    with suppress(OSError):
        file_system = os.statvfs(_MEMORY)
        is_large_enough = file_system.f_bavail * file_system.f_frsize >= _MIN_FREE_MEMORY
        if is_large_enough and not file_system.f_flag & os.ST_NOEXEC and os.access(_MEMORY, os.W_OK):
            return _MEMORY
    return None


def _find_children() -> list[int]:
    """The processes that the main thread has started; on Linux."""
    pid = os.getpid()
    with suppress(FileNotFoundError):
        return [int(child) for child in (_PROC / f"{pid}/task/{pid}/children").read_text().split()]
    return []


def _send(number: signal.Signals, pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
