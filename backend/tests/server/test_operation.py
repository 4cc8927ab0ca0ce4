"""Operation of a running service: a log that nobody reads, too few file descriptors, and the ready file."""

import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Final

import pytest

from devtools.ports import free_port
from tests.support.cli import DEALS, command_environment, get, run_deals, running_deals, wait_for_health
from tests.support.databases import TestServer
from tests.support.production_database import ProductionServer
from tests.support.service_process import ServiceProcess, running_service

pytestmark = pytest.mark.slow

_DESCRIPTORS: Final = 40


@pytest.fixture(scope="module")
def url(server: TestServer) -> Iterator[str]:
    with server.copy() as url:
        yield url


@pytest.mark.parametrize("workers", [1, 2])
def test_stalled_and_closed_standard_output_stop_no_request(url: str, workers: int) -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    paths = [f"/nothing/{number:03}{'x' * 150}" for number in range(100)]
    with running_service(url, workers=workers, stdout=writer, APP_ENV="production", APP_LOG_LEVEL="INFO") as service:
        os.close(writer)
        assert {service.get(path)[0] for path in paths} == {404}
        assert service.get("/health")[0] == 200
        with os.fdopen(reader) as file:
            requests = (line for line in map(json.loads, file) if line["event"] == "request")
            assert sorted(line["path"] for line in islice(requests, len(paths))) == paths
        assert {service.get("/nothing")[0] for _ in range(20)} == {404}
        service.process.terminate()
        assert service.process.wait(20) in {0, -signal.SIGTERM}


@pytest.mark.parametrize("redirections", [">&-", "<&- >&- 2>&-"])
def test_service_runs_without_standard_streams(url: str, redirections: str) -> None:
    """No socket gets the number of a stream, where log lines would be written to it."""
    port = free_port()
    command = ["sh", "-c", f'exec "$0" serve --port {port} {redirections}', DEALS]
    with subprocess.Popen(command, env=command_environment(url)) as process:
        wait_for_health(process, port)
        assert {tuple(get(port, "/categories")) for _ in range(10)} == {()}
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert Path(f"/proc/{child}/fd/1").readlink() == Path(os.devnull)
        process.terminate()
        assert process.wait(20) == 0


def test_shortage_of_file_descriptors_is_logged_once_and_ends(url: str, tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("w") as log,
        running_service(url, stdout=log.fileno(), APP_LOG_LEVEL="INFO") as service,
    ):
        pid = service.process.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (_DESCRIPTORS, _DESCRIPTORS))

        def count(event: str) -> int:
            return (tmp_path / "log").read_text().count(event)

        with ExitStack() as clients:
            for _ in range(_DESCRIPTORS):
                clients.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            service.wait_until(lambda: count("file_descriptors_exhausted") == 1)
        service.wait_until(lambda: count("file_descriptors_available") == 1)
        service.wait_for_status("/health/ready", 200)
        assert count("file_descriptors_exhausted") == 1


@pytest.mark.parametrize(("workers", "is_abstract"), [(1, False), (2, True)])
def test_ready_file_and_systemd_follow_readiness(
    production: ProductionServer, tmp_path: Path, *, workers: int, is_abstract: bool
) -> None:
    """The service starts without a database, is ready when there is one, and ends."""
    path = tmp_path / "folder" / "ready"
    path.parent.mkdir()
    sockets = production.address.directory.with_name(f"s{workers}")  # the path of a socket is limited to 107 bytes
    url = production.url("deals_app").replace(str(production.address.directory), str(sockets))
    name = f"@{tmp_path}" if is_abstract else str(tmp_path / "notify")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        running_service(
            url, workers=workers, ready_file=path, NOTIFY_SOCKET=name, APP_SHUTDOWN_DRAIN_TIMEOUT="60"
        ) as service,
    ):
        manager.bind(name.replace("@", "\0"))
        manager.settimeout(20)
        wait_for_ticks(service)
        assert not path.exists()
        sockets.symlink_to(production.address.directory)
        assert manager.recv(100) == b"READY=1"
        service.wait_until(path.exists)
        assert path.read_text() == f"{service.process.pid}\n"
        assert list(path.parent.iterdir()) == [path]
        service.process.terminate()
        assert manager.recv(100) == b"STOPPING=1"
        service.wait_until(lambda: not path.exists())
        service.process.terminate()


def wait_for_ticks(service: ServiceProcess) -> None:
    """Wait until the loop of the server, which checks the readiness, has run for a second: it updates the Date."""
    dates: set[str] = set()

    def has_ticked() -> bool:
        status, headers, _ = service.request("/health/ready")
        assert status == 503
        dates.add(headers["date"])
        return len(dates) == 3

    service.wait_until(has_ticked)


def test_ready_file_of_a_killed_service_is_replaced_or_removed(url: str, tmp_path: Path) -> None:
    path = tmp_path / "ready"
    path.write_text("1\n")
    with running_deals(url, "serve", "--ready-file", str(path)) as (process, port):
        service = ServiceProcess(process, port)
        service.wait_until(lambda: path.exists() and path.read_text() != "1\n")
        os.kill(int(path.read_text()), signal.SIGKILL)
        assert process.wait(20) == 128 + signal.SIGKILL
    assert not path.exists()


@pytest.mark.parametrize("name", ["missing/ready", "."])
def test_unusable_ready_file_is_rejected(url: str, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    result = run_deals(url, "serve", "--port", str(free_port()), "--ready-file", str(path))
    assert result.exit_code != 0
    assert "ready" in result.stderr
    assert "Traceback" not in result.stderr
