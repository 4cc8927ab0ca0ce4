"""What a request costs here and in another checkout of the service, say the version before: batches taken in turn.

    ./uvw python -m benchmarks.against FOLDER [--case list] [--seconds 60]

FOLDER is the other checkout's top, with its packages installed. Both work on one database with this one's schema.
"""

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from app.config import BACKEND
from benchmarks.cases import CASES, Material
from benchmarks.contestants import environment
from benchmarks.measuring import Ask
from benchmarks.results import Options
from benchmarks.stage import Stage
from benchmarks.work import Plan, Result

_WARM_UP: Final = 20


@contextmanager
def application(backend: Path, url: str, material: Material) -> Iterator[Ask]:
    """The service of a checkout, in a process of its own, which answers a plan with the cost of a batch."""
    process = subprocess.Popen(  # noqa: S603  the interpreter of a checkout
        [backend / ".venv" / "bin" / "python", "-m", "benchmarks.cpu"],
        env=environment(url),
        cwd=backend,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    plans, answers = process.stdin, process.stdout
    assert plans is not None
    assert answers is not None

    def ask(plan: Plan) -> Result:
        print(json.dumps(plan), file=plans, flush=True)
        result: Result = json.loads(answers.readline())
        return result

    with process:
        try:
            ask({"contestant": "service", "material": asdict(material)})
            yield ask
        finally:
            process.kill()


def main() -> None:
    """Print the cheapest and the median batch of both, in microseconds a request, and how much more this one costs."""
    parser = argparse.ArgumentParser(description="CPU time a request, here and in another checkout.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--case", choices=CASES, default="list")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rows", type=int, default=50_000)
    given = parser.parse_args()
    with Stage.prepared(Options(given.rows, (), given.seconds, 1, (given.case,))) as stage, ExitStack() as stack:
        backends = {"there": given.folder.resolve() / "backend", "here": BACKEND}
        asks: dict[str, Ask] = {}
        for number, (name, backend) in enumerate(backends.items()):
            material = stage.material().share(number, of=len(backends))
            asks[name] = stack.enter_context(application(backend, stage.url, material))
        _report(given.case, _costs(asks, case=given.case, seconds=given.seconds))


def _costs(asks: dict[str, Ask], *, case: str, seconds: float) -> dict[str, list[float]]:
    costs: dict[str, list[float]] = {name: [] for name in asks}
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for name, ask in asks.items():
            costs[name].append(ask({"case": case})["cpu_us"])
    return {name: of_one[_WARM_UP:] for name, of_one in costs.items()}


def _report(case: str, costs: dict[str, list[float]]) -> None:
    for what, figure in (("cheapest", min), ("median", statistics.median)):
        there, here = figure(costs["there"]), figure(costs["here"])
        share = f"{100 * (here / there - 1):+.1f} %"
        print(f"{case}, {what} batch: {there:.0f} µs there, {here:.0f} µs here, {share}, n = {len(costs['here'])}")


if __name__ == "__main__":
    main()
