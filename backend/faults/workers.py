"""The service's processes: each on a port of its own, and started anew whenever it has ended."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from types import MappingProxyType
from typing import Final

from faults.processes import BACKEND, HOST, free_port, module, plain_environment, wait_until
from faults.worker import START_SECONDS, Worker

__all__ = ["POOL_SIZE", "Worker", "WorkerError", "Workers"]

POOL_SIZE: Final = 5
"""Connections that each worker has to the database, and no more."""

_SERVICE: Final = "app.main:create_app"
_STOP_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_DEFAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "APP_ENV": "development",
        "APP_LOG_LEVEL": "WARNING",
        "APP_DATABASE_POOL_SIZE": str(POOL_SIZE),
        "APP_DATABASE_POOL_MAX_OVERFLOW": "0",
    }
)


class WorkerError(Exception):
    """A worker does not start. The message is one sentence."""


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
                self._command(worker.port),
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
            return module("app.server.launcher", json.dumps({"host": HOST, "port": port}))  # what `deals serve` runs
        options = ["--host", HOST, "--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        return module("uvicorn", "--factory", self.factory, *options, "--log-level", "warning")

    def _surroundings(self) -> dict[str, str]:
        return {**plain_environment(), **_DEFAULTS, "DATABASE_URL": self.url, **self.environment}

    def _wait(self, workers: list[Worker]) -> None:
        for worker in workers:
            if not wait_until(lambda: self._has_ended(worker) or worker.answers(), seconds=START_SECONDS):  # noqa: B023  used at once
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
