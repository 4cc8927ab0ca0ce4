"""A test run that is interrupted leaves no process and no file behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from devtools.run_cleanup import find_processes

pytestmark = pytest.mark.slow

TIMEOUT_SECONDS: Final = 120
POLL_SECONDS: Final = 0.02
INTERRUPTED: Final = 2
"""pytest's exit code."""
FILES: Final = ("tests/test_health.py", "tests/server/test_proxies.py")
"""Need the database server, and a service in processes of its own."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A temporary folder with a path that is short enough for the socket of a database server."""
    with tempfile.TemporaryDirectory(prefix="r") as folder:
        yield Path(folder)


def is_creating_server(folder: Path) -> bool:
    return any(folder.glob("*/server-*/data/cluster.new"))


def is_service_running(folder: Path) -> bool:
    return any(b"app.server.launcher" in _read_command(pid) for pid in find_processes(folder))


def _read_command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@contextmanager
def running(folder: Path, *options: str, moment: Callable[[Path], bool]) -> Iterator["subprocess.Popen[str]"]:
    """A test run with its temporary files in `folder`, from `moment` on."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *FILES]
    # A shell starts a command in the background with SIGINT ignored.
    background = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]
    environment = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(
        background, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not moment(folder):
            assert run.poll() is None, "the run has ended before the moment"
            assert time.monotonic() < deadline, "the moment has not come"
            time.sleep(POLL_SECONDS)
        yield run


@pytest.mark.parametrize(
    ("workers", "moment", "number"),
    [
        (0, is_creating_server, signal.SIGTERM),
        (0, is_service_running, signal.SIGTERM),
        (2, is_service_running, signal.SIGTERM),
        (2, is_service_running, signal.SIGINT),
    ],
)
def test_interrupted_run_leaves_no_process_and_no_file(
    folder: Path, workers: int, moment: Callable[[Path], bool], number: signal.Signals
) -> None:
    with running(folder, f"--numprocesses={workers}", moment=moment) as run:
        if number == signal.SIGINT:
            os.killpg(run.pid, number)  # as a terminal does on Ctrl-C
        else:
            run.send_signal(number)
        output, _ = run.communicate(timeout=TIMEOUT_SECONDS)
    assert (run.returncode, find_processes(folder), list(folder.iterdir())) == (INTERRUPTED, set(), []), output


def test_next_run_deletes_what_a_killed_run_has_left(folder: Path) -> None:
    with running(folder, "--numprocesses=0", moment=is_service_running) as run:
        run.kill()
    assert find_processes(folder)
    with running(folder, "--collect-only", moment=Path.exists) as run:
        assert run.wait(TIMEOUT_SECONDS) == 0
    assert (find_processes(folder), list(folder.iterdir())) == (set(), [])
