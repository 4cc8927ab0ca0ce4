"""The measured applications, each served by a process of its own with the same server options."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Final

from app.config import BACKEND
from app.server.launcher import ServerOptions
from benchmarks.cpu_affinity import CpuAffinity
from benchmarks.load_client import CONNECTIONS
from benchmarks.worker_process import BenchmarkError, environment
from devtools.ports import free_port

HOST: Final = "127.0.0.1"
TARGETS: Final[Mapping[str, str]] = {
    "service": "app.main:create_app",
    "bare": "benchmarks.bare:create_app",
    "tutorial": "benchmarks.tutorial.main:create_app",
}
"""The ASGI application factory of each."""

DEFAULT_POOL: Final = (CONNECTIONS, 0)
"""Size and overflow."""
_POOL_SETTINGS: Final = ("APP_DATABASE_POOL_SIZE", "APP_DATABASE_POOL_MAX_OVERFLOW")
_START_TIMEOUT: Final = 30.0
_POLL_INTERVAL: Final = 0.02


@contextmanager
def start_all(url: str, *, affinity: CpuAffinity) -> Iterator[dict[str, int]]:
    """Start every target with one worker; yields their ports by name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(start(name, url, affinity=affinity)) for name in TARGETS}


@contextmanager
def start(name: str, url: str, *, affinity: CpuAffinity, pool: tuple[int, int] = DEFAULT_POOL) -> Iterator[int]:
    """Start one target on the database at `url`, with pools of this size and overflow; yields its port."""
    port = free_port()
    command = _service_command(port) if name == "service" else _uvicorn_command(TARGETS[name], port)
    process = subprocess.Popen(  # noqa: S603  modules of this repository
        [sys.executable, "-m", *command],
        env=environment(url) | dict(zip(_POOL_SETTINGS, map(str, pool), strict=True)),
        cwd=BACKEND,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(port, process=process, name=name)
        affinity.pin_application(process.pid)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _service_command(port: int) -> list[str]:
    """The module that `deals serve` runs."""
    return ["app.server.launcher", json.dumps(asdict(ServerOptions(HOST, port)))]


def _uvicorn_command(factory: str, port: int) -> list[str]:
    """uvicorn with the options of `deals serve`."""
    address = ["--host", HOST, "--port", str(port)]
    options = ["--loop", "uvloop", "--http", "httptools", "--ws", "none", "--no-access-log", "--no-server-header"]
    return ["uvicorn", "--factory", factory, *address, *options, "--log-level", "warning"]


def _wait_until_ready(port: int, *, process: "subprocess.Popen[bytes]", name: str) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while not _is_ready(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchmarkError(f"The target `{name}` does not start.")
        time.sleep(_POLL_INTERVAL)


def _is_ready(port: int) -> bool:
    client = HTTPConnection(HOST, port)
    try:
        client.request("GET", "/deals/1")
        return client.getresponse().status < HTTPStatus.INTERNAL_SERVER_ERROR
    except ConnectionError:
        return False
    finally:
        client.close()
