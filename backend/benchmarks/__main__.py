"""The command: `python -m benchmarks --help`."""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from app.config import load_settings
from benchmarks.bench import run_benchmark
from benchmarks.cases import CASES
from benchmarks.contestants import ContestantError
from benchmarks.report import as_data, print_results
from benchmarks.results import Options
from devtools.postgres.embedded import EmbeddedPostgresError

_CASES: Final = (*CASES, "import")


def _known(cases: list[str] | None) -> list[str]:
    if unknown := set(cases or ()).difference(_CASES):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(_CASES)}.")
    return cases or list(_CASES)


def bench(
    *,
    rows: Annotated[
        list[int], typer.Option(min=500, help="Deals in the catalogue; repeat it to see what larger ones cost.")
    ] = [50_000],  # noqa: B006  typer reads it
    seconds: Annotated[float, typer.Option(min=0.05, help="Length of one measurement.")] = 1.0,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each contestant, taking turns.")] = 3,
    only: Annotated[
        list[str] | None, typer.Option(callback=_known, help=f"A case, repeatable: {', '.join(_CASES)}.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--json", help="Write the results to this file too.")] = None,
    database_url: Annotated[
        str | None,
        typer.Option(help="Make scratch databases beside this one, instead of on a throw-away server."),
    ] = None,
) -> None:
    """Measure the service against a bare ASGI handler, the least such an API can cost, and the tutorial way.

    All do the same work, which is checked first, on the same database. Ratios within a run are dependable, CPU time
    most of all; throughput is as noisy as the machine. Takes about three minutes.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(stderr=True)
    first, *larger = sorted(rows)
    options = Options(first, tuple(larger), seconds, rounds, tuple(only or _CASES), database_url)
    try:
        results = run_benchmark(options, say=console.print)
    except (ContestantError, EmbeddedPostgresError) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    print_results(results)
    if data is not None:
        (load_settings().init_cwd / data).write_text(json.dumps(as_data(results), indent=2) + "\n")


if __name__ == "__main__":
    typer.run(bench)
