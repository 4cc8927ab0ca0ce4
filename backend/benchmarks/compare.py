"""CPU time a request in this checkout and in another one, such as the previous version, in interleaved batches.

    ./uvw python -m benchmarks.compare FOLDER [--case list] [--seconds 60]

FOLDER is the top directory of the other checkout, with its packages installed. Both use one database with the schema of
this checkout, and are measured by the code of this checkout.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from app.config import BACKEND
from benchmarks.cases import CASES, RequestData
from benchmarks.dataset import Dataset
from benchmarks.results import Options
from benchmarks.targets import TARGETS
from benchmarks.worker_process import RunJob, worker_process

_WARM_UP: Final = 20


@contextmanager
def start_service(backend: Path, url: str, data: RequestData) -> Iterator[RunJob]:
    """The service of a checkout; yields a function that measures one batch."""
    with worker_process("cpu", url=url, python=backend / ".venv" / "bin" / "python") as run_job:
        run_job({"factory": TARGETS["service"], "data": asdict(data)})
        yield run_job


def main() -> None:
    """Print the cheapest and the median batch of both, in microseconds a request, and the difference in percent."""
    parser = argparse.ArgumentParser(description="CPU time a request, in this checkout and in another one.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--case", choices=CASES, default="list")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rows", type=int, default=50_000)
    arguments = parser.parse_args()
    backends = {"other": arguments.folder.resolve() / "backend", "this": BACKEND}
    options = Options(arguments.rows, (), arguments.seconds, 1, (arguments.case,))
    with Dataset.create(options) as dataset, ExitStack() as stack:
        services: dict[str, RunJob] = {}
        for index, (name, backend) in enumerate(backends.items()):
            data = dataset.request_data().partition(index, count=len(backends))
            services[name] = stack.enter_context(start_service(backend, dataset.url, data))
        _print_comparison(arguments.case, _measure(services, case=arguments.case, seconds=arguments.seconds))


def _measure(services: dict[str, RunJob], *, case: str, seconds: float) -> dict[str, list[float]]:
    costs: dict[str, list[float]] = {name: [] for name in services}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for name, run_job in services.items():
            costs[name].append(run_job({"case": case})["cpu_us"])
    return {name: batches[_WARM_UP:] for name, batches in costs.items()}


def _print_comparison(case: str, costs: dict[str, list[float]]) -> None:
    for label, statistic in (("cheapest", min), ("median", statistics.median)):
        other, this = statistic(costs["other"]), statistic(costs["this"])
        change = f"{100 * (this / other - 1):+.1f} %"
        print(f"{case}, {label} batch: other {other:.0f} µs, this {this:.0f} µs, {change}, n = {len(costs['this'])}")


if __name__ == "__main__":
    main()
