"""The command: `python -m faults --help`."""

import signal
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from app.config import load_settings
from devtools.postgres.embedded import EmbeddedPostgresError
from faults.campaign import Campaign, run
from faults.checkers import judge
from faults.cluster import ClusterError
from faults.nemesis import FAULTS, NemesisError
from faults.report import lines
from faults.workers import WorkerError

Seed = Annotated[int, typer.Option(help="Decides what is done, and in which order it is broken.")]
History = Annotated[Path | None, typer.Option(help="Write every operation to this file, a JSON object a line.")]
Faults = Annotated[int, typer.Option(min=0, help="How many things are broken.")]

_GRIEF: Final = (ClusterError, EmbeddedPostgresError, NemesisError, WorkerError)

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.command()
def everything(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="How long the clients play, at least.")] = 60.0,
    faults: Faults = 40,
    kind: Annotated[list[str] | None, typer.Option(help=f"Break only this, repeatable: {', '.join(FAULTS)}.")] = None,
    seed: Seed = 1,
    history: History = None,
) -> None:
    """All scenarios among all kinds of faults."""
    _report("everything", Campaign(seed=seed, seconds=seconds, kinds=_known(kind), faults=faults), history)


@app.command()
def kills(
    *,
    kills: Annotated[int, typer.Option(min=1, help="How often all of PostgreSQL is killed.")] = 50,
    writes: Annotated[int, typer.Option(min=1, help="Acknowledged writes, at least.")] = 20_000,
    gap: Annotated[float, typer.Option(min=0.0, help="Seconds between two kills, at most.")] = 4.0,
    seed: Seed = 1,
    history: History = None,
) -> None:
    """Writes of all sorts while `kill -9` strikes every process of PostgreSQL at once."""
    struck = Campaign(seed=seed, writes=writes, kinds=("kill_postgres",), faults=kills, gap=(gap / 4, gap))
    _report("kills", struck, history)


@app.command()
def contended(
    *,
    updates: Annotated[int, typer.Option(min=1, help="Acknowledged updates, at least.")] = 10_000,
    faults: Faults = 20,
    seed: Seed = 1,
    history: History = None,
) -> None:
    """Everybody changes the same four deals, on condition of the version that was read, while workers are killed."""
    campaign = Campaign(
        seed=seed,
        deals=4,
        mix={"contend": 1},
        writes=updates,
        kinds=("kill_worker",),
        faults=faults,
        gap=(1.0, 6.0),
    )
    _report("contended", campaign, history)


@app.command()
def keys(
    *,
    keys: Annotated[int, typer.Option(min=1, help="Idempotency keys, at least.")] = 2_000,
    at_once: Annotated[int, typer.Option(min=1, help="How often each is sent at the same time.")] = 8,
    faults: Faults = 20,
    seed: Seed = 1,
    history: History = None,
) -> None:
    """Deals created under idempotency keys, each sent several times at once, while answers get lost."""
    campaign = Campaign(
        seed=seed,
        players=4,
        mix={"keyed": 1},
        at_once=(at_once,),
        keys=keys,
        kinds=("cut_after_commit", "cut_before_commit", "kill_worker", "kill_postgres", "terminate_backends"),
        faults=faults,
        gap=(0.5, 4.0),
    )
    _report("keys", campaign, history)


def _known(kinds: list[str] | None) -> list[str]:
    if unknown := set(kinds or ()).difference(FAULTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(FAULTS)}.")
    return kinds or list(FAULTS)


def _report(name: str, campaign: Campaign, history: Path | None) -> None:
    """Print what came of it; exit code 1 if a checker has found anything or it ended early, 2 if there was no run."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        done = run(campaign)
    except _GRIEF as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    if history is not None:
        done.history.save(load_settings().init_cwd / history)
    verdict = judge(done.evidence)
    for line in lines(name, campaign, done, verdict):
        typer.echo(line)
    raise typer.Exit(1 if done.is_dead or any(verdict.values()) else 0)


if __name__ == "__main__":
    app()
