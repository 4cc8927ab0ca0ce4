"""Fault-injection campaigns. The exit code is 1 if a checker finds a violation, 2 if a campaign cannot run."""

import signal
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from app.config import load_settings
from devtools.postgres import EmbeddedPostgresError
from faults.campaign import Campaign, run_campaign
from faults.checkers import run_checkers
from faults.nemesis import FAULT_KINDS, NemesisError
from faults.postgres import PostgresError
from faults.report import format_report
from faults.workers import WorkerError

Seed = Annotated[int, typer.Option(help="Seed of the clients and the nemesis.")]
History = Annotated[Path | None, typer.Option(help="Write the history to this file, as JSON lines.")]
Faults = Annotated[int, typer.Option(min=0, help="Number of faults.")]

_HARNESS_ERRORS: Final = (EmbeddedPostgresError, NemesisError, PostgresError, WorkerError)

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.command()
def mixed(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="Minimum duration.")] = 60.0,
    faults: Faults = 40,
    kind: Annotated[
        list[str] | None, typer.Option(help=f"Inject only this kind (repeatable): {', '.join(FAULT_KINDS)}.")
    ] = None,
    seed: Seed = 1,
    history: History = None,
) -> None:
    """Run all scenarios with all kinds of faults."""
    kinds = _validate_kinds(kind)
    _run("mixed", Campaign(seed=seed, min_seconds=seconds, fault_kinds=kinds, faults=faults), history)


@app.command()
def crashes(
    *,
    kills: Annotated[int, typer.Option(min=1, help="Number of PostgreSQL crashes.")] = 50,
    writes: Annotated[int, typer.Option(min=1, help="Minimum number of acknowledged writes.")] = 20_000,
    interval: Annotated[float, typer.Option(min=0.0, help="Maximum seconds between crashes.")] = 4.0,
    seed: Seed = 1,
    history: History = None,
) -> None:
    """Run all scenarios while SIGKILL ends all processes of PostgreSQL again and again."""
    campaign = Campaign(
        seed=seed, min_writes=writes, fault_kinds=("kill_postgres",), faults=kills, interval=(interval / 4, interval)
    )
    _run("crashes", campaign, history)


@app.command()
def contention(
    *,
    updates: Annotated[int, typer.Option(min=1, help="Minimum number of acknowledged updates.")] = 10_000,
    faults: Faults = 20,
    seed: Seed = 1,
    history: History = None,
) -> None:
    """Update four deals from all clients, on condition of the version read, while workers are killed."""
    campaign = Campaign(
        seed=seed,
        deals=4,
        weights={"contended_update": 1},
        min_writes=updates,
        fault_kinds=("kill_worker",),
        faults=faults,
        interval=(1.0, 6.0),
    )
    _run("contention", campaign, history)


@app.command()
def idempotency(
    *,
    keys: Annotated[int, typer.Option(min=1, help="Minimum number of idempotency keys.")] = 2_000,
    duplicates: Annotated[int, typer.Option(min=1, help="Number of copies sent at the same time.")] = 8,
    faults: Faults = 20,
    seed: Seed = 1,
    history: History = None,
) -> None:
    """Create deals under idempotency keys, each request sent several times at once, while responses are lost."""
    campaign = Campaign(
        seed=seed,
        clients=4,
        weights={"create_with_key": 1},
        duplicates=(duplicates,),
        min_keys=keys,
        fault_kinds=("cut_after_commit", "cut_before_commit", "kill_worker", "kill_postgres", "terminate_backends"),
        faults=faults,
        interval=(0.5, 4.0),
    )
    _run("idempotency", campaign, history)


def _validate_kinds(kinds: list[str] | None) -> list[str]:
    if unknown := set(kinds or ()).difference(FAULT_KINDS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(FAULT_KINDS)}.")
    return kinds or list(FAULT_KINDS)


def _run(name: str, campaign: Campaign, history: Path | None) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        result = run_campaign(campaign)
    except _HARNESS_ERRORS as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    if history is not None:
        result.history.save(load_settings().init_cwd / history)
    violations = run_checkers(result.observations)
    for line in format_report(name, campaign, result, violations):
        typer.echo(line)
    raise typer.Exit(1 if result.is_stalled or any(violations.values()) else 0)


if __name__ == "__main__":
    app()
