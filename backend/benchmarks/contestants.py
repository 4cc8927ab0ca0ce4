"""Who takes part, and each as a server process of its own, all served in the same way."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Final

from app.config import BACKEND
from app.server.launcher import ServerOptions
from benchmarks.cores import Cores
from benchmarks.load import CONNECTIONS

HOST: Final = "127.0.0.1"
FACTORIES: Final[Mapping[str, str]] = {
    "service": "app.main:create_app",
    "bare": "benchmarks.bare:create_app",
    "tutorial": "benchmarks.tutorial:create_app",
}
"""The ASGI application of each."""

_START_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.02


class ContestantError(Exception):
    """A contestant does not start, or answers otherwise than it should. The message is one sentence."""


def environment(url: str) -> dict[str, str]:
    """What a contestant on the database at `url` finds around it: production."""
    return os.environ | {
        "DATABASE_URL": url,
        "APP_ENV": "production",
        "APP_DATABASE_POOL_SIZE": str(CONNECTIONS),
        "APP_DATABASE_POOL_MAX_OVERFLOW": "0",
    }


@contextmanager
def served(url: str, *, cores: Cores) -> Iterator[dict[str, int]]:
    """The ports of all contestants, each in one process with one worker, until the end of the block."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(started(name, url, cores=cores)) for name in FACTORIES}


@contextmanager
def started(name: str, url: str, *, cores: Cores) -> Iterator[int]:
    """The port of one contestant, which serves until the end of the block."""
    port = _free_port()
    command = _service(port) if name == "service" else _uvicorn(FACTORIES[name], port)
    process = subprocess.Popen(  # noqa: S603  our own interpreter and modules
        [sys.executable, "-m", *command], env=environment(url), cwd=BACKEND, stdout=subprocess.DEVNULL
    )
    try:
        _wait(partial(_answers, port), process=process, name=name)
        cores.give_application(process.pid)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _service(port: int) -> list[str]:
    """What `deals serve` runs."""
    return ["app.server.launcher", json.dumps(asdict(ServerOptions(HOST, port)))]


def _uvicorn(factory: str, port: int) -> list[str]:
    """The same for another application."""
    address = ["--host", HOST, "--port", str(port)]
    options = ["--loop", "uvloop", "--http", "httptools", "--ws", "none", "--no-access-log", "--no-server-header"]
    return ["uvicorn", "--factory", factory, *address, *options, "--log-level", "warning"]


def _wait(condition: Callable[[], bool], *, process: "subprocess.Popen[bytes]", name: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ContestantError(f"The contestant `{name}` does not start.")
        time.sleep(_POLL_SECONDS)


def _answers(port: int) -> bool:
    client = HTTPConnection(HOST, port)
    try:
        client.request("GET", "/deals/1")
        return client.getresponse().status < HTTPStatus.INTERNAL_SERVER_ERROR
    except ConnectionError:
        return False
    finally:
        client.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
