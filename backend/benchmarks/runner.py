"""A benchmark run: each case for each target, in interleaved rounds."""

import platform
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Final

from benchmarks.cases import CASES, WRITES
from benchmarks.cpu_affinity import CpuAffinity
from benchmarks.dataset import EMPTY, Dataset, compute_checksum
from benchmarks.equivalence import check_equivalence
from benchmarks.growth import measure_growth
from benchmarks.imports import TUTORIAL_ROWS
from benchmarks.load_client import CONNECTIONS
from benchmarks.results import Growth, ImportStats, Options, RequestStats, Results, Sample
from benchmarks.targets import TARGETS, start_all
from benchmarks.worker_process import BenchmarkError, RunJob, run_once, worker_process

Log = Callable[[str], None]

_NAMES: Final = tuple(TARGETS)
_WARM_UP: Final = 2
_LIBRARIES: Final = ("fastapi", "sqlalchemy", "asyncpg", "pydantic", "uvicorn")

_Rounds = defaultdict[str, list[Sample]]


def run_benchmark(options: Options, *, log: Log) -> Results:
    """Raises BenchmarkError if a target fails, or if the responses of the targets differ."""
    affinity = CpuAffinity.detect()
    affinity.pin_current_process()
    log(f"Loading {options.rows:,} deals …")
    with Dataset.create(options) as dataset:
        runner = Runner(options, dataset, affinity, log)
        cases = [case for case in CASES if case in options.cases]
        imports = runner.measure_imports() if "import" in options.cases else {}
        requests = runner.measure_requests(cases) if cases else {}
        growth = runner.measure_growth() if options.larger else None
        return Results(options, runner.describe_machine(), requests, imports, growth)


@dataclass(frozen=True, slots=True)
class Runner:
    """The measurements of one run."""

    options: Options
    dataset: Dataset
    affinity: CpuAffinity
    log: Log

    def measure_requests(self, cases: list[str]) -> dict[str, dict[str, RequestStats]]:
        """Each case over HTTP, then each in process."""
        with start_all(self.dataset.url, affinity=self.affinity) as ports:
            rounds = {case: self._measure_over_http(case, ports) for case in cases}
        with ExitStack() as stack:
            workers = [stack.enter_context(self._cpu_worker(index)) for index in range(len(_NAMES))]
            costs = {case: self._measure_cpu(case, workers) for case in cases}
        return {
            case: {name: RequestStats.from_rounds(rounds[case][name], costs[case][name]) for name in _NAMES}
            for case in cases
        }

    def measure_imports(self) -> dict[str, ImportStats]:
        """Each into an empty database, before other cases change the one that the result is compared with."""
        self.log("import: measuring, and comparing the imported rows …")
        rows = dict.fromkeys(_NAMES, self.options.rows) | {"tutorial": min(self.options.rows, TUTORIAL_ROWS)}
        rounds: _Rounds = defaultdict(list)
        for name in self._interleaved_names():
            with self.dataset.server.database("import", template=EMPTY) as url:
                self.dataset.server.checkpoint()
                source = {"file": str(self.dataset.file), "folder": str(self.dataset.tables)}
                job = {"target": name, "url": url, **source}
                rounds[name].append(run_once("imports", job, url=url, affinity=self.affinity))
                imported, expected = (compute_checksum(one, rows=rows[name]) for one in (url, self.dataset.url))
                if imported != expected:
                    raise BenchmarkError(f"`{name}` imports {imported} instead of {expected}.")
        return {name: ImportStats.from_rounds(rounds[name], rows=rows[name]) for name in _NAMES}

    def measure_growth(self) -> Growth:
        """The service on the shared catalogue and on the larger ones."""
        with ExitStack() as stack:
            urls = {self.options.rows: self.dataset.url}
            for rows in self.options.larger:
                self.log(f"Loading {rows:,} deals …")
                urls[rows] = stack.enter_context(self.dataset.larger_database(rows))
            return measure_growth(urls, self.options, affinity=self.affinity, log=self.log)

    def describe_machine(self) -> dict[str, str]:
        """The versions and conditions that the figures depend on."""
        split = "one for the application" if self.affinity.is_split else "shared"
        return {
            "Python": platform.python_version(),
            "PostgreSQL": self.dataset.server.get_version(),
            **{name: version(name) for name in _LIBRARIES},
            "cores": f"{len(self.affinity.cores)} ({split})",
            "deals": f"{self.options.rows:,}",
            "connections": str(CONNECTIONS),
            "rounds": f"{self.options.rounds} of {self.options.seconds:g} s",
        }

    def _measure_over_http(self, case: str, ports: Mapping[str, int]) -> _Rounds:
        self.log(f"{case}: comparing the responses, then measuring over HTTP …")
        check_equivalence(case, self.dataset.request_data(), ports, remove_created=self.dataset.remove_created)
        rounds: _Rounds = defaultdict(list)
        for name in self._interleaved_names():
            job = {"case": case, "port": ports[name], "seconds": self.options.seconds}
            job |= {"data": asdict(self.dataset.request_data())}
            rounds[name].append(run_once("load_client", job, url=self.dataset.url))
            if case in WRITES:
                self.dataset.remove_created()
        return rounds

    def _measure_cpu(self, case: str, workers: list[RunJob]) -> dict[str, float]:
        """Alternate between the targets batch by batch, so that a disturbance affects all of them."""
        self.log(f"{case}: measuring CPU time …")
        costs: defaultdict[str, list[float]] = defaultdict(list)
        deadline = time.monotonic() + self.options.rounds * self.options.seconds
        while len(costs[_NAMES[-1]]) <= _WARM_UP or time.monotonic() < deadline:
            for name, run_job in zip(_NAMES, workers, strict=True):
                costs[name].append(run_job({"case": case})["cpu_us"])
        if case in WRITES:
            self.dataset.remove_created()
        return {name: min(batches[_WARM_UP:]) for name, batches in costs.items()}

    @contextmanager
    def _cpu_worker(self, index: int) -> Iterator[RunJob]:
        with worker_process("cpu", url=self.dataset.url, affinity=self.affinity) as run_job:
            data = self.dataset.request_data().partition(index, count=len(_NAMES))
            run_job({"factory": TARGETS[_NAMES[index]], "data": asdict(data)})
            yield run_job

    def _interleaved_names(self) -> Iterator[str]:
        """All targets once a round; each round starts with another one."""
        for number in range(self.options.rounds):
            first = number % len(_NAMES)
            yield from (*_NAMES[first:], *_NAMES[:first])
