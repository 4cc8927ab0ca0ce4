"""The command: `python -m faults.experiments --help`."""

import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Final

import typer

from faults.experiments import (
    contract,
    disconnects,
    invalid_input,
    keep_alive,
    memory,
    pool_exhaustion,
    read_after_write,
    rolling_restarts,
    round_trips,
    unresponsive_database,
)
from faults.experiments.experiment import ExperimentResult, Options
from faults.machine import describe_machine
from faults.workers import SERVICE

EXPERIMENTS: Final[Mapping[str, Callable[[Options], ExperimentResult]]] = {
    "read-after-write": read_after_write.run,
    "round-trips": round_trips.run,
    "pool-exhaustion": pool_exhaustion.run,
    "unresponsive-database": unresponsive_database.run,
    "disconnects": disconnects.run,
    "invalid-input": invalid_input.run,
    "keep-alive": keep_alive.run,
    "rolling-restarts": rolling_restarts.run,
    "schemathesis": contract.run,
    "memory": memory.run,
}


def _validate_names(names: list[str] | None) -> list[str]:
    if unknown := set(names or ()).difference(EXPERIMENTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(EXPERIMENTS)}.")
    return names or list(EXPERIMENTS)


def main(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME] …", callback=_validate_names, help=f"Default: all. Names: {', '.join(EXPERIMENTS)}."
        ),
    ] = None,
    *,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 1,
    scale: Annotated[float, typer.Option(min=0.0001, max=10, help="Factor for the number of requests.")] = 1.0,
    app_factory: Annotated[str, typer.Option(help="The ASGI application to measure.")] = SERVICE,
) -> None:
    """Measure the service's promises: one line per experiment, exit code 1 if a target is missed.

    Each experiment starts its own PostgreSQL and workers. No event in n trials bounds its rate by about 3/n; the
    bound is printed.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"{describe_machine()}; scale {scale:g}", flush=True)
    options = Options(seed, scale, app_factory)
    verdicts = [_run(name, options) for name in names or EXPERIMENTS]
    raise typer.Exit(0 if all(verdicts) else 1)


def _run(name: str, options: Options) -> bool:
    started = time.monotonic()
    result = EXPERIMENTS[name](options)
    seconds = time.monotonic() - started
    print(f"{name} | seed {options.seed} | {result.format()} | {seconds:.0f} s", flush=True)
    if not result.is_met:
        for detail in result.list_details():
            print(f"    {detail}", file=sys.stderr, flush=True)
    return result.is_met


if __name__ == "__main__":
    typer.run(main)
