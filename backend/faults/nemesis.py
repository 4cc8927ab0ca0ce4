"""What breaks things: `python -m faults.nemesis`, a process of its own, so that nobody waits for it.

A nemesis inside the clients' event loop would strike only when none of them is in the middle of anything.
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

from faults.processes import BACKEND, module, plain_environment
from faults.proxy import ProxyControl
from faults.server_control import ServerControl
from faults.worker import Worker

PROXY: Final = (
    "latency",
    "reset",
    "refuse",
    "blackhole",
    "half_open",
    "cut_before_commit",
    "cut_after_commit",
)
POSTGRES: Final = (
    "kill_postgres",
    "kill_backend",
    "restart_fast",
    "restart_immediate",
    "freeze_postgres",
    "terminate_backends",
)
WORKERS: Final = ("kill_worker", "terminate_worker")
FAULTS: Final = (*POSTGRES, *PROXY, *WORKERS)
"""Everything that it can do."""


class NemesisError(Exception):
    """What was broken may not be whole again. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done to whom, and in which rhythm. The same seed makes the same choices."""

    folder: str
    ports: Sequence[int]
    """Of the workers, in their order."""
    proxy_port: int
    seed: int
    kinds: Sequence[str]
    faults: int
    """How many; each kind comes up once before any comes up again."""
    gap: tuple[float, float]
    """Seconds from one to the next, at least and at most."""
    hold: tuple[float, float]
    """Seconds that a state lasts which is one: frozen, refused, …"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One that was done, in the times of the machine's monotonic clock."""

    kind: str
    start: float
    end: float


@dataclass(slots=True)
class Nemesis:
    """Does what the plan says, and leaves everything well."""

    plan: Plan
    chance: Random = field(init=False)
    cluster: ServerControl = field(init=False)
    proxy: ProxyControl = field(init=False)

    def __post_init__(self) -> None:
        folder = Path(self.plan.folder)
        self.chance = Random(self.plan.seed)
        self.cluster = ServerControl(folder)
        self.proxy = ProxyControl(self.plan.proxy_port, folder / "proxy.sock")

    def run(self) -> Iterator[Fault]:
        deeds = self._deeds()
        for kind in self._kinds():
            time.sleep(self.chance.uniform(*self.plan.gap))
            started = time.monotonic()
            try:
                deeds[kind]()
            finally:
                self._heal()
            yield Fault(kind, started, time.monotonic())

    def _kinds(self) -> list[str]:
        kinds: list[str] = []
        while len(kinds) < self.plan.faults:
            kinds += self.chance.sample(self.plan.kinds, len(self.plan.kinds))
        return kinds[: self.plan.faults]

    def _deeds(self) -> Mapping[str, Callable[[], object]]:
        return {
            "kill_postgres": self.cluster.kill,
            "kill_backend": self.cluster.kill_backend,
            "restart_fast": lambda: self.cluster.stop("fast"),
            "restart_immediate": lambda: self.cluster.stop("immediate"),
            "freeze_postgres": self._freeze,
            "terminate_backends": self.cluster.terminate_backends,
            "kill_worker": lambda: self._some_worker().kill(),
            "terminate_worker": lambda: self._some_worker().terminate(),
            **{kind: partial(self._disturb, kind) for kind in PROXY},
        }

    def _freeze(self) -> None:
        self.cluster.freeze()
        self._hold()

    def _disturb(self, mood: str) -> None:
        self.proxy.tell(mood)
        self._hold()

    def _hold(self) -> None:
        time.sleep(self.chance.uniform(*self.plan.hold))

    def _some_worker(self) -> Worker:
        number = self.chance.randrange(len(self.plan.ports))
        return Worker(Path(self.plan.folder), number, self.plan.ports[number])

    def _heal(self) -> None:
        """Workers are started anew by who started them; all else is mended here."""
        self.proxy.tell("calm")
        self.cluster.thaw()
        self.cluster.start()


@contextmanager
def striking(plan: Plan) -> Iterator[Callable[[], bool]]:
    """A nemesis at work, until it has done all it was to do and everything is well again; whether it has."""
    _deeds(plan).write_text("")
    if not plan.faults:
        yield lambda: True
        return
    with _deeds(plan).open("wb") as deeds:
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            module("faults.nemesis", json.dumps(asdict(plan))),
            cwd=BACKEND,
            env=plain_environment(),
            stdout=deeds,
        )
    try:
        yield lambda: process.poll() is not None
    finally:
        if process.wait():
            raise NemesisError("The nemesis itself came to grief; what it wrote tells why.")


def faults_of(plan: Plan) -> list[Fault]:
    """What a nemesis that has ended has done."""
    return [Fault(**json.loads(line)) for line in _deeds(plan).read_text().splitlines()]


def _deeds(plan: Plan) -> Path:
    return Path(plan.folder) / "faults.jsonl"


def main() -> None:
    for fault in Nemesis(Plan(**json.loads(sys.argv[1]))).run():
        sys.stdout.write(json.dumps(asdict(fault)) + "\n")


if __name__ == "__main__":
    main()
