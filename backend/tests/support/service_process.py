"""The service in processes of its own, as production starts it, and a load of clients that keep their connections."""

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
from typing import Any, Final, Self

from devtools.ports import free_port

_PATIENCE_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    port: int

    def ask(self, path: str) -> tuple[int, Mapping[str, str], Any]:
        """The status, the headers and the JSON of an answer on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.load(answer)
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, Any]:
        status, _, body = self.ask(path)
        return status, body

    def workers(self) -> set[int]:
        """The processes that it serves with, if it has several."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()}

    def wait_for(self, path: str, status: int) -> None:
        self.wait_until(lambda: self.ask(path)[0] == status)

    def wait_for_header(self, name: str, value: str) -> None:
        """Until it is this service that answers, and not another one at its port."""
        self.wait_until(lambda: self.ask("/health")[1].get(name) == value)

    def wait_until(self, fulfilled: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the service has ended"
            try:
                if fulfilled():
                    return
            except (ConnectionError, FileNotFoundError, ProcessLookupError):  # whom we ask has just ended
                pass
            time.sleep(0.02)
        raise AssertionError("the service does not answer so")


@contextmanager
def service(url: str, *, port: int | None = None, workers: int = 1, **environment: str) -> Iterator[Service]:
    """The service on the database at `url` until the end of the block, once it answers."""
    serving = {"host": "127.0.0.1", "port": port or free_port(), "workers": workers, "reuse_port": port is not None}
    command = [sys.executable, "-m", "app.server.launcher", json.dumps(serving)]
    variables = os.environ | {"DATABASE_URL": url, "APP_LOG_LEVEL": "WARNING"} | environment
    with subprocess.Popen(command, env=variables) as process:
        try:
            running = Service(process, int(str(serving["port"])))
            running.wait_for("/health", 200)
            yield running
        finally:
            process.send_signal(signal.SIGINT)


@dataclass(slots=True)
class Load:
    """Clients that ask for `path` without a pause until nobody listens any more, and what became of their requests."""

    port: int
    path: str
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    @contextmanager
    def of(cls, clients: int, *, port: int, path: str) -> Iterator[Self]:
        load = cls(port, path)
        load._threads = [threading.Thread(target=load._ask) for _ in range(clients)]
        for thread in load._threads:
            thread.start()
        try:
            yield load
        finally:
            load.stop()

    def stop(self) -> None:
        self._stop.set()
        self.join()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(_PATIENCE_SECONDS)

    def wait_for_answers(self, number: int) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.statuses.total() < number:
            assert time.monotonic() < deadline, "the clients get no answers"
            time.sleep(0.01)

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_SECONDS)
        while not self._stop.is_set():
            if connection.sock is None:
                try:
                    connection.connect()
                except ConnectionRefusedError:
                    return
            try:
                connection.request("GET", self.path)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                return
            self.statuses[answer.status] += 1
        connection.close()
