"""`deals`: one command for everything one does with the service."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from app.cli.api_keys import keys
from app.cli.doctor import require_production_ready, run_checks
from app.cli.errors import abort, user_errors
from app.cli.maintenance import format_report, purge_idempotency_keys, verify_rollups
from app.cli.psql import run_psql
from app.config import BACKEND, Settings, load_settings
from app.db.migrations import MigrationError, current_revision, head_revision, is_compatible
from app.db.migrations import migrate as migrate_database
from app.db.resolve import ResolvedDatabase, is_empty, open_database
from app.db.urls import libpq_url
from app.importer.types import LoadReport, OnConflict
from app.server.launcher import ServerOptions, check_port_available
from app.server.launcher import serve as serve_until_stopped

SAMPLE: Final = BACKEND.parent / "deals.csv"
SAMPLE_SEED: Final = 42

app = typer.Typer(
    help="The hotel deals service. Start with `deals dev`, then open http://127.0.0.1:8000/docs.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)

app.add_typer(keys, name="keys")

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


@app.command()
def dev(*, host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Everything for development: a database, its schema, sample deals, and the service with reload.

    The database is DATABASE_URL, else compose's if it answers on localhost:5432, else an embedded PostgreSQL.
    """
    serving = ServerOptions(host, port, reload=True)
    with user_errors():
        settings = load_settings()
        _refuse_to_start(settings, serving)
        with open_database(settings) as database:
            if migrate_database(database.url):
                typer.echo("Brought the schema up to date.")
            _load_sample(database)
            typer.echo(f"Database  {database.description}\nDocs      http://{host}:{port}/docs")
            _announce_writes(settings)
            code = serve_until_stopped(serving, database_url=database.url)
    raise typer.Exit(code)


@app.command()
def serve(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer requests.")] = 1,
    reuse_port: Annotated[bool, typer.Option("--reuse-port", help="Share the port with the next version.")] = False,
) -> None:
    """Serve as production does: no reload, any number of workers. The schema must be up to date."""
    serving = ServerOptions(host, port, workers=workers, reuse_port=reuse_port)
    with user_errors():
        settings = load_settings()
        _refuse_to_start(settings, serving)
        with open_database(settings) as database:
            _refuse_older_schema(database)
            _announce_writes(settings)
            code = serve_until_stopped(serving, database_url=database.url)
    raise typer.Exit(code)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="A CSV of deals, relative to where you stand.")] = SAMPLE,
    *,
    on_conflict: Annotated[OnConflict, typer.Option(help="For a deal that is there already.")] = OnConflict.UPDATE,
    partial: Annotated[
        bool, typer.Option("--partial", help="Write the valid rows even if others are rejected.")
    ] = False,
) -> None:
    """Load a CSV of deals, all of it or nothing; the same file twice changes nothing.

    Rejected rows are listed with line, column and reason in a CSV next to the file, `deals.csv.rejects.csv` for
    `deals.csv`. Exit code 1: rows were rejected and nothing was written. Exit code 2: the file is unusable. Exit code
    3: rows were rejected, and the valid rows were written because of `--partial`.
    """
    with user_errors(), open_database(load_settings()) as database:
        _refuse_older_schema(database)
        report = _load(_from_caller(file), database, on_conflict=on_conflict, partial=partial)
    raise typer.Exit(0 if not report.rejected_rows else 3 if report.merged else 1)


@app.command()
def generate(
    *,
    rows: Annotated[int, typer.Option(min=0, help="How many deals.")] = 50_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = SAMPLE_SEED,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; standard output if not given.")] = None,
) -> None:
    """Write a CSV of invented deals, of any size, in literal_int memory."""
    from app.importer.generator import write_deals

    if output is None:
        write_deals(sys.stdout, rows=rows, seed=seed)
        return
    with user_errors(), (load_settings().init_cwd / output).open("w", encoding="utf-8", newline="") as out:
        write_deals(out, rows=rows, seed=seed)


@app.command()
def migrate() -> None:
    """Bring the database's schema to the newest revision."""
    with user_errors(), open_database(load_settings()) as database:
        done = migrate_database(database.url)
        typer.echo(f"{'Brought up to date' if done else 'Already up to date'}: {database.description}.")


@app.command()
def verify() -> None:
    """Count all deals and compare the rollups with that. Exit code 1: something differs, and is listed."""
    with user_errors(), open_database(load_settings()) as database:
        _refuse_older_schema(database)
        comparisons = asyncio.run(verify_rollups(database.url, load_settings()))
    for comparison in comparisons:
        typer.echo("\n".join(format_report(comparison)))
    raise typer.Exit(1 if any(comparison.mismatches for comparison in comparisons) else 0)


@app.command()
def purge() -> None:
    """Remove the Idempotency-Keys of more than a day ago; run it now and then, from cron say."""
    with user_errors(), open_database(load_settings()) as database:
        _refuse_older_schema(database)
        removed = asyncio.run(purge_idempotency_keys(database.url, load_settings()))
    typer.echo(f"Removed {removed:,} Idempotency-Keys.")


@app.command()
def doctor(
    *, workers: Annotated[int, typer.Option(min=1, help="Processes that `deals serve` would be given.")] = 1
) -> None:
    """Tell what production would refuse to start on. Exit code 1: there is something."""
    serving = ServerOptions("127.0.0.1", 8000, workers=workers)
    with user_errors():
        settings = load_settings()
        with open_database(settings) as database:
            findings = list(run_checks(settings, serving, url=database.url))
    for finding in findings:
        typer.echo(f"fail  {finding.name}: {finding.sentence}" if finding.sentence else f"pass  {finding.name}")
    raise typer.Exit(1 if any(finding.sentence for finding in findings) else 0)


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context) -> None:
    """Measure the service against a bare handler and the tutorial way; `deals bench --help` has the options."""
    if not (BACKEND / "benchmarks").exists():
        abort("The benchmark is in the repository, not in the installed service.")
    command = [sys.executable, "-m", "benchmarks", *context.args]
    raise typer.Exit(subprocess.run(command, cwd=BACKEND, check=False).returncode)  # noqa: S603  our own module


@app.command()
def psql() -> None:
    """Open psql on the database that the service would use."""
    with user_errors():
        settings = load_settings()
        with open_database(settings) as database:
            code = run_psql(database.url, bin_dir=settings.postgres_bin_dir)
    raise typer.Exit(code)


def _refuse_to_start(settings: Settings, serving: ServerOptions) -> None:
    if settings.is_production:
        require_production_ready(settings, serving)
    if settings.write_auth_enabled:
        settings.require_key_secret()
    check_port_available(serving)


def _announce_writes(settings: Settings) -> None:
    # In production standard output is for logs.
    need = "need a key: AUTH_MODE is writes" if settings.write_auth_enabled else "need no key: AUTH_MODE is off"
    typer.echo(f"Writes    {need}", err=settings.is_production)


def _load_sample(database: ResolvedDatabase) -> None:
    if SAMPLE.exists() and is_empty(database.url):
        _load(SAMPLE, database, on_conflict=OnConflict.UPDATE, partial=False)


def _load(file: Path, database: ResolvedDatabase, *, on_conflict: OnConflict, partial: bool) -> LoadReport:
    timeout = load_settings().maintenance_statement_timeout
    from app.importer.console import print_report, show_progress
    from app.importer.pipeline import load_deals

    console = Console(stderr=True)
    with show_progress(console) as progress:
        report = load_deals(
            file,
            dsn=libpq_url(database.url),
            progress=progress,
            on_conflict=on_conflict,
            partial=partial,
            statement_timeout=timeout,
        )
    print_report(report, console=console)
    return report


def _from_caller(file: Path) -> Path:
    """The file as the caller of `./uvw` sees it, else as seen from here."""
    from_caller = load_settings().init_cwd / file
    return from_caller if from_caller.exists() else file


def _refuse_older_schema(database: ResolvedDatabase) -> None:
    found = current_revision(database.url)
    if not is_compatible(found):
        wanted = head_revision()
        raise MigrationError(f"The database is at revision {found}, this version needs {wanted}: run `deals migrate`.")
