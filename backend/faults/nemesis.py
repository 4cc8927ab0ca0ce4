"""The nemesis injects faults: `python -m faults.nemesis`, a separate process.

Within the clients' event loop it could act only while every client is between two operations.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from faults.postgres import PostgresCluster
from faults.processes import BACKEND, clean_environment, module_command
from faults.proxy import NORMAL, ProxyControl
from faults.workers import Worker

NETWORK_FAULTS: Final = (
    "latency",
    "reset",
    "down",
    "blackhole",
    "half_open",
    "cut_before_commit",
    "cut_after_commit",
)
POSTGRES_FAULTS: Final = (
    "kill_postgres",
    "kill_backend",
    "restart_fast",
    "restart_immediate",
    "pause_postgres",
    "terminate_backends",
)
WORKER_FAULTS: Final = ("kill_worker", "terminate_worker")
FAULT_KINDS: Final = (*POSTGRES_FAULTS, *NETWORK_FAULTS, *WORKER_FAULTS)


class NemesisError(Exception):
    """The nemesis failed, and faults may persist. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class NemesisPlan:
    """The faults to inject, and their timing. The same seed makes the same choices."""

    folder: str
    worker_ports: Sequence[int]
    proxy: tuple[int, str]
    """Port and control socket."""
    seed: int
    kinds: Sequence[str]
    count: int
    """The number of faults; each kind is used once before any is repeated."""
    interval: tuple[float, float]
    """Minimum and maximum seconds between two faults."""
    duration: tuple[float, float]
    """Minimum and maximum seconds of a fault that lasts, such as a pause."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that was injected. Times are seconds of the machine's monotonic clock."""

    kind: str
    start: float
    end: float


@dataclass(slots=True)
class Nemesis:
    """Carries out a plan; everything is healed after each fault."""

    plan: NemesisPlan
    _rng: Random = field(init=False)
    _postgres: PostgresCluster = field(init=False)
    _proxy: ProxyControl = field(init=False)

    def __post_init__(self) -> None:
        port, control_socket = self.plan.proxy
        self._rng = Random(self.plan.seed)
        self._postgres = PostgresCluster(Path(self.plan.folder))
        self._proxy = ProxyControl(port, Path(control_socket))

    def run(self) -> Iterator[Fault]:
        actions = self._actions()
        for kind in self._choose_kinds():
            time.sleep(self._rng.uniform(*self.plan.interval))
            started = time.monotonic()
            try:
                actions[kind]()
            finally:
                self._heal()
            yield Fault(kind, started, time.monotonic())

    def _choose_kinds(self) -> list[str]:
        kinds: list[str] = []
        while len(kinds) < self.plan.count:
            kinds += self._rng.sample(self.plan.kinds, len(self.plan.kinds))
        return kinds[: self.plan.count]

    def _actions(self) -> Mapping[str, Callable[[], object]]:
        return {
            "kill_postgres": self._postgres.kill,
            "kill_backend": self._postgres.kill_backend,
            "restart_fast": lambda: self._postgres.stop("fast"),
            "restart_immediate": lambda: self._postgres.stop("immediate"),
            "pause_postgres": self._pause_postgres,
            "terminate_backends": self._postgres.terminate_backends,
            "kill_worker": lambda: self._choose_worker().kill(),
            "terminate_worker": lambda: self._choose_worker().terminate(),
            **{kind: partial(self._degrade_network, kind) for kind in NETWORK_FAULTS},
        }

    def _pause_postgres(self) -> None:
        self._postgres.pause()
        self._wait()

    def _degrade_network(self, mode: str) -> None:
        self._proxy.set_mode(mode)
        self._wait()

    def _wait(self) -> None:
        time.sleep(self._rng.uniform(*self.plan.duration))

    def _choose_worker(self) -> Worker:
        number = self._rng.randrange(len(self.plan.worker_ports))
        return Worker(Path(self.plan.folder), number, self.plan.worker_ports[number])

    def _heal(self) -> None:
        """Restore network and server; the supervisor restarts workers."""
        self._proxy.set_mode(NORMAL)
        self._postgres.resume()
        self._postgres.start()


@contextmanager
def run_nemesis(plan: NemesisPlan) -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether the nemesis has finished; the end of the block waits for that."""
    log = _get_fault_log(plan)
    log.write_text("")
    if not plan.count:
        yield lambda: True
        return
    with log.open("wb") as faults:
        process = subprocess.Popen(  # noqa: S603  this interpreter and module
            module_command("faults.nemesis", json.dumps(asdict(plan))),
            cwd=BACKEND,
            env=clean_environment(),
            stdout=faults,
        )
    try:
        yield lambda: process.poll() is not None
        if process.wait():
            raise NemesisError("The nemesis failed; its standard error has the reason.")
    finally:
        process.kill()
        process.wait()


def read_faults(plan: NemesisPlan) -> list[Fault]:
    """The faults injected by a nemesis that has finished."""
    return [Fault(**json.loads(line)) for line in _get_fault_log(plan).read_text().splitlines()]


def _get_fault_log(plan: NemesisPlan) -> Path:
    return Path(plan.folder) / "faults.jsonl"


def main() -> None:
    for fault in Nemesis(NemesisPlan(**json.loads(sys.argv[1]))).run():
        sys.stdout.write(json.dumps(asdict(fault)) + "\n")


if __name__ == "__main__":
    main()
