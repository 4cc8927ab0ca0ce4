"""`deals`: one command for everything one does with the service."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from sqlalchemy.exc import OperationalError

from app.config import SettingsError, load_settings
from app.db.choice import ChosenDatabase, open_database
from app.db.embedded import EmbeddedPostgresError
from app.db.migrations import MigrationError, current_revision, newest_revision
from app.db.migrations import migrate as migrate_database
from app.serving import Serving, ServingError, refuse_taken_port
from app.serving import serve as serve_until_stopped

SAMPLE_SEED: Final = 42

app = typer.Typer(
    help="The hotel deals service. Start with `deals dev`, then open http://127.0.0.1:8000/docs.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


@app.command()
def dev(*, host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Everything for development: a database, its schema, and the service with reload.

    The database is DATABASE_URL, else compose's if it answers on localhost:5432, else an embedded PostgreSQL.
    """
    serving = Serving(host, port, reload=True)
    with _sentences():
        refuse_taken_port(serving)
        with open_database(load_settings()) as database:
            if migrate_database(database.url):
                typer.echo("Brought the schema up to date.")
            typer.echo(f"Database  {database.description}\nDocs      http://{host}:{port}/docs")
            code = serve_until_stopped(serving, database_url=database.url)
    raise typer.Exit(code)


@app.command()
def serve(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer requests.")] = 1,
) -> None:
    """Serve as production does: no reload, any number of workers. The schema must be up to date."""
    serving = Serving(host, port, workers=workers)
    with _sentences():
        refuse_taken_port(serving)
        with open_database(load_settings()) as database:
            _refuse_other_schema(database)
            code = serve_until_stopped(serving, database_url=database.url)
    raise typer.Exit(code)


@app.command()
def generate(
    *,
    rows: Annotated[int, typer.Option(min=0, help="How many deals.")] = 50_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = SAMPLE_SEED,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; standard output if not given.")] = None,
) -> None:
    """Write a CSV of invented deals, of any size, in constant memory."""
    from app.loading.generator import write_deals  # noqa: PLC0415  only this command needs it

    if output is None:
        write_deals(sys.stdout, rows=rows, seed=seed)
        return
    with (load_settings().init_cwd / output).open("w", encoding="utf-8", newline="") as out:
        write_deals(out, rows=rows, seed=seed)


@app.command()
def migrate() -> None:
    """Bring the database's schema to the newest revision."""
    with _sentences(), open_database(load_settings()) as database:
        done = migrate_database(database.url)
        typer.echo(f"{'Brought up to date' if done else 'Already up to date'}: {database.description}.")


def _refuse_other_schema(database: ChosenDatabase) -> None:
    found, wanted = current_revision(database.url), newest_revision()
    if found != wanted:
        raise MigrationError(f"The database is at revision {found}, this version needs {wanted}: run `deals migrate`.")


@contextmanager
def _sentences() -> Iterator[None]:
    """What a user can mend is told in one sentence, with an exit code that is not 0."""
    try:
        yield
    except (SettingsError, ServingError, MigrationError, EmbeddedPostgresError) as error:
        _fail(str(error))
    except OperationalError as error:
        _fail(f"The database does not answer: {str(error.orig).strip().splitlines()[0]}")


def _fail(sentence: str, *, code: int = 1) -> NoReturn:
    typer.secho(sentence, err=True, fg=typer.colors.RED)
    raise typer.Exit(code)
