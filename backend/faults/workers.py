"""The service's processes: each on a port of its own, and started anew whenever it has ended."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from types import MappingProxyType
from typing import Final

from app.config import BACKEND
from app.serving import Serving
from faults.processes import send, wait_until

HOST: Final = "127.0.0.1"
POOL_SIZE: Final = 5
"""Connections that each worker has to the database, and no more."""

_SERVICE: Final = "app.main:create_app"
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_OK: Final = 200
_DEFAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "APP_ENV": "development",
        "APP_LOG_LEVEL": "WARNING",
        "APP_POOL_SIZE": str(POOL_SIZE),
        "APP_POOL_MAX_OVERFLOW": "0",
    }
)


class WorkerError(Exception):
    """A worker does not start. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One process at a time, on one port; its id and what it writes are in files of `folder`."""

    folder: Path
    number: int
    port: int

    @property
    def pid(self) -> int | None:
        """The process that there is now, known to every process that knows the folder."""
        note = self.folder / f"worker-{self.number}.pid"
        return int(note.read_text()) if note.exists() else None

    @property
    def log(self) -> Path:
        """What all processes of this worker have written."""
        return self.folder / f"worker-{self.number}.log"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM: it ends what it has begun, and then itself."""
        self._signal(signal.SIGTERM)

    def answers(self) -> bool:
        """Whether it is up."""
        client = HTTPConnection(HOST, self.port, timeout=_START_SECONDS)
        try:
            client.request("GET", "/health")
            return client.getresponse().status == _OK
        except OSError:
            return False
        finally:
            client.close()

    def note(self, pid: int) -> None:
        new = self.folder / f"worker-{self.number}.new"
        new.write_text(str(pid))
        new.replace(self.folder / f"worker-{self.number}.pid")

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            send(number, [self.pid])


@dataclass(slots=True)
class Workers:
    """So many processes of the ASGI application `factory` on the database at `url`."""

    folder: Path
    url: str
    count: int = 1
    factory: str = _SERVICE
    environment: Mapping[str, str] = field(default_factory=dict)
    """Settings beside, or instead of, the usual ones."""

    _processes: "dict[Worker, subprocess.Popen[bytes]]" = field(default_factory=dict)
    _stopping: Event = field(default_factory=Event)

    @contextmanager
    def running(self) -> Iterator[list[Worker]]:
        """All of them, up; and each is started anew when it ends, until the end of the block."""
        workers = [Worker(self.folder, number, free_port()) for number in range(self.count)]
        keeper = Thread(target=self._keep, daemon=True)
        try:
            for worker in workers:
                self._start(worker)
            self._wait(workers)
            keeper.start()
            yield workers
        finally:
            self._stopping.set()
            if keeper.is_alive():
                keeper.join()
            self._stop()

    def _start(self, worker: Worker) -> None:
        with worker.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  our own interpreter and modules
                [sys.executable, "-m", *self._command(worker.port)],
                env=self._surroundings(),
                cwd=BACKEND,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the command, which stops them in order
            )
        self._processes[worker] = process
        worker.note(process.pid)

    def _command(self, port: int) -> list[str]:
        if self.factory == _SERVICE:
            return ["app.serving", json.dumps(asdict(Serving(HOST, port)))]  # what `deals serve` runs
        options = ["--host", HOST, "--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        return ["uvicorn", "--factory", self.factory, *options, "--log-level", "warning"]

    def _surroundings(self) -> dict[str, str]:
        return {**plain_environment(), **_DEFAULTS, "DATABASE_URL": self.url, **self.environment}

    def _wait(self, workers: list[Worker]) -> None:
        for worker in workers:
            if not wait_until(lambda: self._has_ended(worker) or worker.answers(), seconds=_START_SECONDS):  # noqa: B023  used at once
                raise WorkerError(f"A worker does not answer; {worker.log} has what it says.")
            if self._has_ended(worker):
                raise WorkerError(f"A worker does not start: {worker.log.read_text(errors='replace')[-2000:]}")

    def _keep(self) -> None:
        while not self._stopping.wait(_POLL_SECONDS):
            for worker in [worker for worker in self._processes if self._has_ended(worker)]:
                self._start(worker)

    def _has_ended(self, worker: Worker) -> bool:
        return self._processes[worker].poll() is not None

    def _stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def plain_environment() -> dict[str, str]:
    """Ours, without what a developer has set for the service, and without coverage, which a killed process lacks."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("APP_", "COVERAGE_"))}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
