"""The service in a process of its own, as production starts it, and concurrent clients with keep-alive connections."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from devtools.ports import free_port

TIMEOUT: Final = 60
_POLL_INTERVAL: Final = 0.02


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    process: subprocess.Popen[bytes]
    port: int

    def request(self, path: str, **headers: str) -> tuple[int, Mapping[str, str], Any]:
        """GET the path on a new connection. Returns the status, the headers in lower case, and the JSON body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, json.load(response)
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, Any]:
        """The status and the JSON body."""
        status, _, body = self.request(path)
        return status, body

    def workers(self) -> set[int]:
        """The process ids of its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()}

    def wait_for_status(self, path: str, status: int) -> None:
        self.wait_until(lambda: self.get(path)[0] == status)

    def wait_for_header(self, name: str, part: str) -> None:
        """Wait until the header of /health contains `part`, so that it is not another service on the port."""
        self.wait_until(lambda: part in self.request("/health")[1].get(name, ""))

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the service has ended"
            try:
                if condition():
                    return
            except (ConnectionError, FileNotFoundError, ProcessLookupError):  # a worker has just ended
                pass
            time.sleep(_POLL_INTERVAL)
        raise AssertionError("the service did not reach the expected state")


@contextmanager
def running_service(
    url: str,
    *,
    port: int | None = None,
    workers: int = 1,
    ready_file: Path | None = None,
    stdout: int | None = None,
    **environment: str,
) -> Iterator[ServiceProcess]:
    """The service on the database at `url`, once it is healthy. With `port`, other services can share the port."""
    options: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port or free_port(),
        "workers": workers,
        "reuse_port": port is not None,
    }
    options["ready_file"] = ready_file and str(ready_file)
    command = [sys.executable, "-m", "app.server.launcher", json.dumps(options)]
    variables = os.environ | {"DATABASE_URL": url, "APP_LOG_LEVEL": "WARNING"} | environment
    with subprocess.Popen(command, env=variables, stdout=stdout) as process:
        try:
            service = ServiceProcess(process, int(str(options["port"])))
            service.wait_for_status("/health", 200)
            yield service
        finally:
            process.send_signal(signal.SIGINT)


@dataclass(slots=True)
class ConcurrentClients:
    """Clients that GET `path` in a loop, until they are stopped or the port refuses connections."""

    port: int
    path: str
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self, count: int) -> None:
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        self.join()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(TIMEOUT)

    def wait_for_responses(self, count: int) -> None:
        deadline = time.monotonic() + TIMEOUT
        while self.statuses.total() < count:
            assert time.monotonic() < deadline, "the clients get no responses"
            time.sleep(_POLL_INTERVAL)

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        while not self._stop.is_set():
            if connection.sock is None:
                try:
                    connection.connect()
                except ConnectionRefusedError:
                    return
            try:
                connection.request("GET", self.path)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                return
            self.statuses[response.status] += 1
        connection.close()


@contextmanager
def concurrent_clients(count: int, *, port: int, path: str) -> Iterator[ConcurrentClients]:
    clients = ConcurrentClients(port, path)
    clients.start(count)
    try:
        yield clients
    finally:
        clients.stop()
