"""Run `deals` commands, in this process or in processes of their own."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from typer.testing import CliRunner, Result

from app.cli.main import app
from devtools.ports import free_port

DEALS: Final = str(Path(sys.executable).with_name("deals"))
_START_TIMEOUT: Final = 60
_STOP_TIMEOUT: Final = 20


def command_environment(url: str, **variables: str) -> dict[str, str]:
    return os.environ | {"DATABASE_URL": url, "INIT_CWD": str(Path.cwd())} | variables


def run_deals(url: str, *arguments: str, input: str | None = None, **variables: str) -> Result:  # noqa: A002  as in Click
    """Run a command in this process."""
    environment = {"DATABASE_URL": url, **variables}
    return CliRunner().invoke(app, arguments, input=input, env=environment, catch_exceptions=False)


def assert_one_line_error(result: Result, message: str) -> None:
    assert (result.exit_code, result.stderr.count("\n"), result.stdout) == (1, 1, "")
    assert message in result.stderr


@contextmanager
def running_deals(
    url: str, *arguments: str, output: Path | None = None, **variables: str
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A serving command in a process of its own, once it is healthy, and its port. `output` gets its output."""
    port = free_port()
    command = [DEALS, *arguments, "--port", str(port)]
    environment = command_environment(url, **variables)
    with (
        nullcontext() if output is None else output.open("w") as file,
        subprocess.Popen(command, env=environment, stdout=file, stderr=file and subprocess.STDOUT) as process,
    ):
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


def wait_for_health(process: "subprocess.Popen[Any]", port: int) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline:
        assert process.poll() is None, "the service has ended"
        try:
            get(port, "/health")
        except ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the service is not healthy")


def wait_for_output(file: Path, text: str) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while text not in (output := file.read_text()):
        assert time.monotonic() < deadline, output
        time.sleep(0.1)


def wait_for_silence(port: int) -> None:
    deadline = time.monotonic() + _STOP_TIMEOUT
    while time.monotonic() < deadline:
        try:
            get(port, "/health")
        except ConnectionError:
            return
    raise AssertionError("the service is still running")
