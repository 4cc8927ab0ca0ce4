"""Commands for the catalogue's data and schema: `deals load`, `generate`, `migrate`, `verify`, `purge`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.cli.errors import abort, user_errors
from app.importer.types import STANDARD_INPUT, NewPhone, OnConflict

if TYPE_CHECKING:
    from app.db.resolve import ResolvedDatabase
    from app.importer.types import LoadReport

_SAMPLE_ROWS: Final = 50_000
_SAMPLE_SEED: Final = 42
_DESCRIPTORS: Final = frozenset({Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd")})
"""The directories of /dev/stdin, and of the pipes that a shell makes for `<(command)`."""
_NO_IMPORT_EXTRA: Final = (
    "This command needs the `import` extra, which is not installed: run it with `./uvw`, install hotel-deals[import], "
    "or build the image with `--build-arg EXTRAS=import`."
)


def load(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A CSV of deals, compressed or not; - is standard input.", show_default="deals.csv of the repository"
        ),
    ] = None,
    *,
    on_conflict: Annotated[OnConflict, typer.Option(help="For deals that exist already.")] = OnConflict.UPDATE,
    new_phone: Annotated[
        NewPhone, typer.Option(help="For hotels of the catalogue that have another phone in all of their rows.")
    ] = NewPhone.UPDATE,
    partial: Annotated[
        bool, typer.Option("--partial", help="Write the valid rows even if others are rejected; then exit with 3.")
    ] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(help="List of rejected rows.", show_default="FILE.rejects.csv, or stdin.rejects.csv"),
    ] = None,
) -> None:
    """Load a CSV of deals: all rows or none.

    Loading the same file again changes nothing. Rejected rows are listed with line, column and reason in a CSV next to
    the file, `deals.csv.rejects.csv` for `deals.csv`. Exit code 1: rows were rejected and nothing was written. Exit
    code 2: the file is unusable. Exit code 3: rows were rejected, and the valid rows were written because of
    `--partial`.
    """
    from app.config import SAMPLE_CSV, load_settings
    from app.db.resolve import open_database

    _require_import_extra()
    with user_errors():
        settings = load_settings()
        with open_database(settings) as database:
            require_current_schema(database)
            path = SAMPLE_CSV if file is None else _resolve_path(file, settings.init_cwd)
            report = _run_import(
                path,
                database,
                on_conflict=on_conflict,
                new_phone=new_phone,
                partial=partial,
                rejects_file=_choose_rejects_file(path, rejects, init_cwd=settings.init_cwd),
            )
    raise typer.Exit(_get_exit_code(report))


def generate(
    *,
    rows: Annotated[int, typer.Option(min=0, help="Number of deals.")] = _SAMPLE_ROWS,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = _SAMPLE_SEED,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write.", show_default="standard output")
    ] = None,
) -> None:
    """Generate a CSV of invented deals. Memory use does not depend on its size."""
    from app.config import load_settings
    from app.importer.generator import write_deals

    if output is None:
        write_deals(sys.stdout, rows=rows, seed=seed)
        return
    with user_errors(), (load_settings().init_cwd / output).open("w", encoding="utf-8", newline="") as file:
        write_deals(file, rows=rows, seed=seed)


def migrate() -> None:
    """Migrate the database's schema to the newest revision."""
    from app.config import load_settings
    from app.db.migrations import migrate as migrate_schema
    from app.db.resolve import open_database

    with user_errors(), open_database(load_settings()) as database:
        migrated = migrate_schema(database.url)
        typer.echo(f"{'Migrated' if migrated else 'Already up to date'}: {database.description}.")


def verify() -> None:
    """Compare the rollups with a count of all deals. Exit code 1: there are differences, which are listed."""
    import asyncio

    from app.cli.maintenance import format_report, verify_rollups
    from app.config import load_settings
    from app.db.resolve import open_database

    with user_errors(), open_database(settings := load_settings()) as database:
        require_current_schema(database)
        checks = asyncio.run(verify_rollups(database.url, settings))
    for check in checks:
        typer.echo("\n".join(format_report(check)))
    raise typer.Exit(1 if any(check.mismatches for check in checks) else 0)


def purge() -> None:
    """Delete Idempotency-Keys that are older than a day. The service does so itself, once an hour."""
    import asyncio

    from app.cli.maintenance import purge_idempotency_keys
    from app.config import load_settings
    from app.db.resolve import open_database

    with user_errors(), open_database(settings := load_settings()) as database:
        require_current_schema(database)
        deleted = asyncio.run(purge_idempotency_keys(database.url, settings))
    typer.echo(f"Deleted {deleted:,} Idempotency-Keys.")


def load_sample(database: "ResolvedDatabase") -> None:
    """Load the repository's deals.csv if the catalogue has no deals."""
    from app.config import SAMPLE_CSV
    from app.db.resolve import is_empty

    if SAMPLE_CSV.exists() and is_empty(database.url):
        _require_import_extra()
        _run_import(SAMPLE_CSV, database)


def require_current_schema(database: "ResolvedDatabase") -> str | None:
    """The revision of the schema. Raises MigrationError if it is older than this version of the service."""
    from app.db.migrations import MigrationError, current_revision, head_revision, is_compatible

    found = current_revision(database.url)
    if not is_compatible(found):
        raise MigrationError(
            f"The database is at revision {found}, and this version needs {head_revision()}: run `deals migrate`."
        )
    return found


def _require_import_extra() -> None:
    """End the command if pandas is not installed, which only the import uses."""
    from importlib.util import find_spec

    if find_spec("pandas") is None:
        abort(_NO_IMPORT_EXTRA)


def _run_import(
    file: Path,
    database: "ResolvedDatabase",
    *,
    on_conflict: OnConflict = OnConflict.UPDATE,
    new_phone: NewPhone = NewPhone.UPDATE,
    partial: bool = False,
    rejects_file: Path | None = None,
) -> "LoadReport":
    from rich.console import Console

    from app.config import load_settings
    from app.db.urls import libpq_url
    from app.importer.console import print_report, show_progress
    from app.importer.pipeline import load_deals

    console = Console(stderr=True)
    with show_progress(console) as progress:
        report = load_deals(
            file,
            dsn=libpq_url(database.url),
            progress=progress,
            on_conflict=on_conflict,
            new_phone=new_phone,
            partial=partial,
            rejects_file=rejects_file,
            statement_timeout=load_settings().maintenance_statement_timeout,
        )
    print_report(report, console=console)
    return report


def _get_exit_code(report: "LoadReport") -> int:
    if not report.rejected_rows:
        return 0
    return 3 if report.merged else 1


def _resolve_path(file: Path, init_cwd: Path) -> Path:
    """The file relative to where `./uvw` was called, else relative to the working directory."""
    from_caller = init_cwd / file
    return from_caller if file != STANDARD_INPUT and from_caller.exists() else file


def _choose_rejects_file(file: Path, rejects: Path | None, *, init_cwd: Path) -> Path | None:
    """None is the list next to the file. Standard input and pipes have theirs in the caller's directory."""
    if rejects is not None:
        return init_cwd / rejects
    if file == STANDARD_INPUT:
        return init_cwd / "stdin.rejects.csv"
    return init_cwd / f"{file.name}.rejects.csv" if file.parent in _DESCRIPTORS else None
