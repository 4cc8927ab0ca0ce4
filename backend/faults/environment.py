"""The system under test: PostgreSQL with the service's schema, the service's workers, and a proxy between them."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from app.db.migrations import migrate
from devtools.postgres import ServerAddress
from faults.postgres import DURABLE, PostgresCluster
from faults.processes import count_descriptors, wait_until
from faults.proxy import ProxyControl, run_proxy
from faults.workers import SERVICE, Worker, WorkerSupervisor

_MEMORY: Final = Path("/dev/shm")  # noqa: S108  a temporary folder is created inside
_NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})
_RECOVERY_TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Environment:
    """A running system. Its members can be shared by several campaigns or experiments, one after the other."""

    folder: Path
    postgres: PostgresCluster
    database_url: str
    """A direct connection, not through the proxy."""
    proxy: ProxyControl
    """Unused unless the environment was started with `through_proxy`."""
    workers: Sequence[Worker]
    initial_descriptors: Mapping[Worker, int]
    """Open file descriptors of each worker after its first request to the database."""

    @property
    def port(self) -> int:
        """The port of the first worker."""
        return self.workers[0].port

    @property
    def ports(self) -> list[int]:
        return [worker.port for worker in self.workers]


@contextmanager
def start_environment(
    *,
    prepare: Callable[[str], None],
    workers: int = 1,
    app_factory: str = SERVICE,
    settings: Mapping[str, str] = _NO_SETTINGS,
    postgres_options: Mapping[str, str] = DURABLE,
    through_proxy: bool = False,
) -> Iterator[Environment]:
    """Start everything; `prepare` gets the URL of the migrated, empty database before the workers start."""
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        postgres, address = stack.enter_context(start_postgres(folder, postgres_options))
        prepare(address.libpq_url)
        proxy = stack.enter_context(run_proxy(folder, postgres.socket))
        url = proxy.database_url if through_proxy else address.url
        supervisor = WorkerSupervisor(folder, url, workers, app_factory, settings)
        running = stack.enter_context(supervisor.running())
        for worker in running:
            measure_recovery(worker, since=time.monotonic())
        descriptors = {worker: count_descriptors(worker.pid or 0) for worker in running}
        yield Environment(folder, postgres, address.libpq_url, proxy, running, descriptors)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder in TMPDIR, or in memory: no test depends on a disk, since data written before a SIGKILL survives."""
    folder = _MEMORY if _MEMORY.is_dir() and "TMPDIR" not in os.environ else None
    with tempfile.TemporaryDirectory(prefix="deals-faults-", dir=folder) as name:
        yield Path(name)


@contextmanager
def start_postgres(
    folder: Path, options: Mapping[str, str] = DURABLE
) -> Iterator[tuple[PostgresCluster, ServerAddress]]:
    """A server with the service's schema."""
    postgres = PostgresCluster(folder, options=options)
    with postgres.running() as address:
        migrate(address.url)
        yield postgres, address


def measure_recovery(worker: Worker, *, since: float) -> float | None:
    """The seconds from `since` until the worker returns a page of deals; None if it does not within the timeout."""
    has_recovered = wait_until(lambda: worker.responds("/deals?limit=1"), seconds=_RECOVERY_TIMEOUT_SECONDS)
    return time.monotonic() - since if has_recovered else None
