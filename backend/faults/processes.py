"""Processes: our own Python modules started as such, and all of them as Linux shows them."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
"""Where everything listens."""
BACKEND: Final = Path(__file__).parents[1]
"""Where our modules are found."""

_PROC: Final = Path("/proc")
_POLL_SECONDS: Final = 0.005


def module(name: str, *arguments: str) -> list[str]:
    """The command for one of our own modules; it belongs in the folder BACKEND."""
    return [sys.executable, "-m", name, *arguments]


def plain_environment() -> dict[str, str]:
    """Ours, without what a developer has set for the service, and without coverage, which a killed process lacks."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("APP_", "COVERAGE_"))}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def command_of(pid: int) -> str:
    """The command line, with spaces between its parts; empty for a process that is not there, or only a zombie."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def children_of(pid: int) -> list[int]:
    """The processes that `pid` has started and that live."""
    found = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())
    return [child for child in found if _parent_of(child) == pid]


def open_files(pid: int) -> int:
    """How many descriptors the process has open; 0 for one that is not there."""
    try:
        return len(os.listdir(_PROC / str(pid) / "fd"))  # noqa: PTH208  counted, not looked at
    except (FileNotFoundError, ProcessLookupError):
        return 0


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send a signal to each, in order; one that has ended meanwhile has no need of it."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not (reached := condition()) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return reached


def _parent_of(pid: int) -> int | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = stat.rpartition(b")")[2].split()[:2]
    return None if state == b"Z" else int(parent)
