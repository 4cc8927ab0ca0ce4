"""Start this package's modules as processes, and inspect and signal processes through /proc."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
BACKEND: Final = Path(__file__).parents[1]
"""The working directory from which the modules can be imported."""

_PROC: Final = Path("/proc")
_POLL_SECONDS: Final = 0.005


def module_command(name: str, *arguments: str) -> list[str]:
    """The command line that runs a module; start it in BACKEND."""
    return [sys.executable, "-m", name, *arguments]


def clean_environment() -> dict[str, str]:
    """The environment without the developer's settings, and without coverage, which SIGKILL would corrupt."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("APP_", "COVERAGE_"))}


def get_command_line(pid: int) -> str:
    """The arguments, separated by spaces; empty if the process does not exist or is a zombie."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def get_children(pid: int) -> list[int]:
    """The running child processes of `pid`, zombies excluded."""
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())
    return [child for child in pids if _get_parent(child) == pid]


def count_descriptors(pid: int) -> int:
    """The number of open file descriptors; 0 if the process does not exist."""
    try:
        return len(os.listdir(_PROC / str(pid) / "fd"))  # noqa: PTH208  only the number is needed
    except (FileNotFoundError, ProcessLookupError):
        return 0


def get_resident_bytes(pid: int) -> int:
    """The memory of a running process."""
    return int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def send_signal(number: signal.Signals, pids: Iterable[int]) -> None:
    """Signal each process in order; skip those that have exited."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Poll until the condition holds; False after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (reached := condition()) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return reached


def _get_parent(pid: int) -> int | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = stat.rpartition(b")")[2].split()[:2]
    return None if state == b"Z" else int(parent)
