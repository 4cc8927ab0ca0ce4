"""The command: `python -m faults.figures --help`."""

import signal
import sys
import time
from typing import Annotated

import typer

from faults.figures.campaigns import CAMPAIGNS
from faults.figures.figure import Figure
from faults.figures.machine import described
from faults.figures.plan import SERVICE, Plan


def _known(names: list[str] | None) -> list[str]:
    if unknown := set(names or ()).difference(CAMPAIGNS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(CAMPAIGNS)}.")
    return names or list(CAMPAIGNS)


def figures(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME] …", callback=_known, help=f"Of {', '.join(CAMPAIGNS)}; all without one."),
    ] = None,
    *,
    seed: Annotated[int, typer.Option(help="What chance comes from.")] = 1,
    share: Annotated[float, typer.Option(min=0.0001, max=10, help="Of the full sizes, for a shorter run.")] = 1.0,
    factory: Annotated[str, typer.Option(help="The ASGI application that is measured.")] = SERVICE,
) -> None:
    """Measure what the service promises: a line for each campaign, and exit code 1 if something is missed.

    Each has a PostgreSQL and processes of its own. None in n trials bounds the rate by about 3/n, which is
    said too.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(", ".join(f"{name} {value}" for name, value in described().items()) + f"; share {share:g}", flush=True)
    plan = Plan(seed, share, factory)
    reached = [_measured(name, plan) for name in names or CAMPAIGNS]
    raise typer.Exit(0 if all(reached) else 1)


def _measured(name: str, plan: Plan) -> bool:
    started = time.monotonic()
    figure = CAMPAIGNS[name](plan)
    print(f"{figure.line()} | {time.monotonic() - started:.0f} s", flush=True)
    if not figure.reached:
        _explain(figure)
    return figure.reached


def _explain(figure: Figure) -> None:
    for example in figure.examples:
        print(f"    {example}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(figures)
