"""The command line: `python -m benchmarks --help`. Imports its modules late, so that `--help` is quick."""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from benchmarks.cases import CASES

_CASES: Final = (*CASES, "import")

app = typer.Typer(rich_markup_mode=None, add_completion=False)  # rich would double the time of `--help`


def _validate_cases(cases: list[str] | None) -> list[str]:
    if unknown := set(cases or ()).difference(_CASES):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(_CASES)}.")
    return cases or list(_CASES)


@app.command()
def bench(
    *,
    rows: Annotated[
        list[int], typer.Option(min=500, help="Deals in the catalogue; repeat it to measure larger catalogues too.")
    ] = [50_000],  # noqa: B006  typer only reads it, and requires a list
    seconds: Annotated[float, typer.Option(min=0.05, help="Length of one measurement.")] = 1.0,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each target, interleaved.")] = 3,
    only: Annotated[
        list[str] | None, typer.Option(callback=_validate_cases, help=f"A case, repeatable: {', '.join(_CASES)}.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--json", help="Also write the results to this file.")] = None,
    database_url: Annotated[
        str | None,
        typer.Option(help="Create scratch databases on this server instead of on a temporary one."),
    ] = None,
) -> None:
    """Measure the service against a bare ASGI handler, which is a lower bound, and the usual tutorial code.

    All targets use the same database, and their responses are compared first. Trust the ratios within a run, and CPU
    time more than throughput. Takes about three minutes.
    """
    from rich.console import Console

    from app.config import load_settings
    from benchmarks.report import print_results, to_json
    from benchmarks.results import Options
    from benchmarks.runner import run_benchmark
    from benchmarks.worker_process import BenchmarkError
    from devtools.postgres import EmbeddedPostgresError

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(stderr=True)
    smallest, *larger = sorted(rows)
    options = Options(smallest, tuple(larger), seconds, rounds, tuple(only or _CASES), database_url)
    try:
        results = run_benchmark(options, log=console.print)
    except (BenchmarkError, EmbeddedPostgresError) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    print_results(results)
    if output is not None:
        (load_settings().init_cwd / output).write_text(json.dumps(to_json(results), indent=2) + "\n")


if __name__ == "__main__":
    app(prog_name="deals bench")
