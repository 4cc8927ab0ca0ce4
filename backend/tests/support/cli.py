"""Run the `deals` command: within this process, or in a process of its own."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from typer.testing import CliRunner, Result

from app.cli.main import app
from devtools.ports import free_port

DEALS: Final = str(Path(sys.executable).with_name("deals"))


def environment(url: str, **more: str) -> dict[str, str]:
    return os.environ | {"DATABASE_URL": url, "INIT_CWD": str(Path.cwd())} | more


def deals(url: str, *arguments: str, **more: str) -> Result:
    """A command that ends by itself."""
    return CliRunner().invoke(app, arguments, env={"DATABASE_URL": url, **more}, catch_exceptions=False)


@contextmanager
def running(url: str, *arguments: str, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A `deals` command that serves, once it answers, and its port."""
    port = free_port()
    with subprocess.Popen([DEALS, *arguments, "--port", str(port)], env=environment(url, **more)) as process:
        try:
            wait_for_health(process, port)
            yield process, port
        finally:
            process.terminate()


def get(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    body = json.load(connection.getresponse())
    connection.close()
    return body


def wait_for_health(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the service has ended"
        try:
            get(port, "/health")
        except ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the service does not answer")


def wait_for_silence(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            get(port, "/health")
        except ConnectionError:
            return
    raise AssertionError("the service still answers")
