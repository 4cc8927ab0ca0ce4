"""Lists a second by the size of the connection pools and the number of clients, in interleaved rounds.

`./uvw python -m benchmarks.pool_sizes` prints them.
"""

from collections import defaultdict
from contextlib import ExitStack
from statistics import median
from typing import Annotated, Final

import typer

from benchmarks.cpu_affinity import CpuAffinity
from benchmarks.dataset import Dataset
from benchmarks.results import Options, Sample
from benchmarks.targets import start
from benchmarks.worker_process import run_once

_POOLS: Final = ((5, 10), (2, 0), (5, 0), (16, 0), (32, 0))
"""Size and overflow. The first is the default."""
_CLIENTS: Final = (1, 4, 16, 64)

Measurements = dict[tuple[tuple[int, int], int], list[Sample]]


def measure(options: Options) -> Measurements:
    """The rounds of each pool and number of clients."""
    affinity = CpuAffinity.detect()
    affinity.pin_current_process()
    measurements: Measurements = defaultdict(list)
    with Dataset.create(options) as dataset, ExitStack() as stack:
        ports = {
            pool: stack.enter_context(start("service", dataset.url, affinity=affinity, pool=pool)) for pool in _POOLS
        }
        for _ in range(options.rounds):
            for pool, port in ports.items():
                for clients in _CLIENTS:
                    job = {"paths": ["/deals"], "port": port, "seconds": options.seconds, "connections": clients}
                    measurements[pool, clients].append(run_once("load_client", job, url=dataset.url))
    return measurements


def main(
    *,
    rows: Annotated[int, typer.Option(min=500, help="Deals in the catalogue.")] = 50_000,
    seconds: Annotated[float, typer.Option(min=0.05, help="Length of one measurement.")] = 1.0,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each pool and number of clients.")] = 3,
    database_url: Annotated[str | None, typer.Option(help="Create a scratch database on this server.")] = None,
) -> None:
    """Print requests a second and the 99th percentile of the latency, medians of the rounds."""
    options = Options(rows, (), seconds, rounds, ("list",), database_url)
    measurements = measure(options)
    typer.echo("| size + overflow | " + " | ".join(f"{clients} clients" for clients in _CLIENTS) + " |")
    typer.echo("|---|" + "---:|" * len(_CLIENTS))
    for size, overflow in _POOLS:
        cells = [_format(measurements[(size, overflow), clients]) for clients in _CLIENTS]
        typer.echo(f"| {size} + {overflow} | " + " | ".join(cells) + " |")


def _format(samples: list[Sample]) -> str:
    speed, p99 = (median(sample[name] for sample in samples) for name in ("requests_per_second", "p99_ms"))
    return f"{speed:,.0f}/s, {p99:.0f} ms"


if __name__ == "__main__":
    typer.run(main)
