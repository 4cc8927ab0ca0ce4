"""The service's processes: each has a port of its own and is restarted whenever it exits."""

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Thread
from types import MappingProxyType
from typing import Final

from devtools.ports import free_port
from faults.processes import BACKEND, HOST, clean_environment, module_command, send_signal, wait_until

SERVICE: Final = "app.main:create_app"
POOL_SIZE: Final = 5
"""The connections in each of a worker's two pools, which are for reads and for writes."""
MAX_CONNECTIONS: Final = 2 * POOL_SIZE

_START_TIMEOUT_SECONDS: Final = 60.0
_STOP_TIMEOUT_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_DEFAULT_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "APP_ENV": "development",
        "APP_LOG_LEVEL": "WARNING",
        "APP_DATABASE_POOL_SIZE": str(POOL_SIZE),
        "APP_DATABASE_POOL_MAX_OVERFLOW": "0",
        "AUTH_MODE": "off",
    }
)


class WorkerError(Exception):
    """A worker does not start. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One process at a time, on a fixed port; any process that knows the folder can find and signal it."""

    folder: Path
    number: int
    port: int

    @property
    def name(self) -> str:
        return f"worker {self.number}"

    @property
    def pid(self) -> int | None:
        """The current process."""
        file = self._pid_file
        return int(file.read_text()) if file.exists() else None

    @property
    def log(self) -> Path:
        """The output of all processes of this worker."""
        return self.folder / f"worker-{self.number}.log"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM: the process finishes the requests in flight and exits."""
        self._signal(signal.SIGTERM)

    def responds(self, path: str = "/health") -> bool:
        """Whether GET `path` returns 200."""
        client = HTTPConnection(HOST, self.port, timeout=_START_TIMEOUT_SECONDS)
        try:
            client.request("GET", path)
            return client.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            client.close()

    def write_pid(self, pid: int) -> None:
        temporary = self.folder / f"worker-{self.number}.new"
        temporary.write_text(str(pid))
        temporary.replace(self._pid_file)

    @property
    def _pid_file(self) -> Path:
        return self.folder / f"worker-{self.number}.pid"

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            send_signal(number, [self.pid])


@dataclass(slots=True)
class WorkerSupervisor:
    """Runs `count` processes of an ASGI application on the database at `database_url`, and restarts those that exit."""

    folder: Path
    database_url: str
    count: int = 1
    app_factory: str = SERVICE
    settings: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that override the defaults."""

    _processes: "dict[Worker, subprocess.Popen[bytes]]" = field(default_factory=dict)
    _stopping: Event = field(default_factory=Event)

    @contextmanager
    def running(self) -> Iterator[list[Worker]]:
        """All workers, once they serve requests; stopped at the end of the block."""
        workers = [Worker(self.folder, number, free_port()) for number in range(self.count)]
        supervisor = Thread(target=self._restart_exited, daemon=True)
        try:
            for worker in workers:
                self._start(worker)
            for worker in workers:
                self._wait_for_start(worker)
            supervisor.start()
            yield workers
        finally:
            self._stopping.set()
            if supervisor.is_alive():
                supervisor.join()
            self._stop()

    def _start(self, worker: Worker) -> None:
        with worker.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  this interpreter, known modules
                self._command(worker.port),
                env={**clean_environment(), **_DEFAULT_SETTINGS, "DATABASE_URL": self.database_url, **self.settings},
                cwd=BACKEND,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C must reach only the parent, which stops the workers in order
            )
        self._processes[worker] = process
        worker.write_pid(process.pid)

    def _command(self, port: int) -> list[str]:
        if self.app_factory == SERVICE:  # as `deals serve` runs it
            return module_command("app.server.launcher", json.dumps({"host": HOST, "port": port}))
        options = ["--host", HOST, "--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        return module_command("uvicorn", "--factory", self.app_factory, *options, "--log-level", "warning")

    def _wait_for_start(self, worker: Worker) -> None:
        if not wait_until(lambda: self._has_exited(worker) or worker.responds(), seconds=_START_TIMEOUT_SECONDS):
            raise WorkerError(f"A worker does not respond; its log is {worker.log}.")
        if self._has_exited(worker):
            raise WorkerError(f"A worker does not start: {worker.log.read_text(errors='replace')[-2000:]}")

    def _restart_exited(self) -> None:
        while not self._stopping.wait(_POLL_SECONDS):
            for worker in [worker for worker in self._processes if self._has_exited(worker)]:
                self._start(worker)

    def _has_exited(self, worker: Worker) -> bool:
        return self._processes[worker].poll() is not None

    def _stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(_STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
