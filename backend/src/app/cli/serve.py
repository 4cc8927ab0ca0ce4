"""`deals dev` and `deals serve`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.errors import user_errors

if TYPE_CHECKING:
    from app.config import Settings
    from app.db.resolve import ResolvedDatabase
    from app.server.launcher import ServerOptions

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def dev(*, host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Start the service for development.

    Migrates the database, loads sample deals into an empty catalogue, and reloads on code changes. The database is
    the one in DATABASE_URL, else the compose database if it is running on localhost:5432, else an embedded PostgreSQL.
    """
    from app.cli.data import load_sample
    from app.db.migrations import migrate
    from app.db.resolve import open_database
    from app.server.launcher import ServerOptions, launch

    options = ServerOptions(host, port, reload=True)
    with user_errors():
        settings = _load_checked_settings(options)
        with open_database(settings) as database:
            if migrate(database.url):
                typer.echo("Migrated the schema to the newest revision.")
            load_sample(database)
            _check_driver(database.url)
            code = launch(
                options,
                database_url=database.url,
                on_listening=lambda: _print_banner(options, settings, database),
            )
    raise typer.Exit(code)


def serve(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes that handle requests.")] = 1,
    reuse_port: Annotated[
        bool, typer.Option("--reuse-port", help="Share the port, so that the next version can start next to this one.")
    ] = False,
    ready_file: Annotated[
        Path | None,
        typer.Option(help="File that exists while the service is ready, and contains its process id.", dir_okay=False),
    ] = None,
) -> None:
    """Start the service for production.

    Any number of workers, no reload. The schema must be up to date.
    """
    from app.cli.data import require_current_schema
    from app.db.resolve import open_database
    from app.server.launcher import ServerOptions, check_ready_file, launch

    options = ServerOptions(host, port, workers=workers, reuse_port=reuse_port)
    with user_errors():
        settings = _load_checked_settings(options)
        if ready_file is not None:
            path = settings.init_cwd.resolve() / ready_file
            check_ready_file(path)
            options = replace(options, ready_file=str(path))
        with open_database(settings) as database:
            options = replace(options, schema_revision=require_current_schema(database))
            _check_driver(database.url)
            if not settings.is_production:  # there the log has it, and every line is JSON
                typer.echo(_format_write_access(settings))
            code = launch(options, database_url=database.url)
    raise typer.Exit(code)


def _load_checked_settings(options: "ServerOptions") -> "Settings":
    """The settings, after every check that is possible before the database starts."""
    from app.cli.production_checks import require_production_ready
    from app.config import load_settings
    from app.server.launcher import check_port_available, open_standard_streams

    open_standard_streams()
    settings = load_settings()
    if settings.is_production:
        require_production_ready(settings, options)
    if settings.write_auth_enabled:
        settings.require_key_secret()
    check_port_available(options)
    return settings


def _check_driver(url: str) -> None:
    """Raise LauncherError if the driver of the service, which is not that of the commands, cannot connect to `url`."""
    import asyncio

    import asyncpg

    from app.cli.errors import get_driver_message
    from app.db.errors import DATABASE_ERRORS
    from app.db.urls import asyncpg_arguments
    from app.server.launcher import LauncherError

    async def connect() -> None:
        await (await asyncpg.connect(**asyncpg_arguments(url))).close()

    try:
        asyncio.run(connect())
    except FileNotFoundError:
        raise LauncherError("There is no such file as DATABASE_URL names for TLS.") from None
    except DATABASE_ERRORS as error:
        raise LauncherError(f"The service cannot connect: {get_driver_message(error)}") from None


def _print_banner(options: "ServerOptions", settings: "Settings", database: "ResolvedDatabase") -> None:
    lines = (
        "",
        f"Try       {options.url}/deals?city=Toronto&sort=price_per_night&limit=3",
        f"Docs      {options.url}/docs",
        f"Database  {database.description}",
        _format_write_access(settings),
        "Press Ctrl-C to stop.",
        "",
    )
    typer.echo("\n".join(lines))


def _format_write_access(settings: "Settings") -> str:
    return f"Writes    {'need an API key (AUTH_MODE=writes)' if settings.write_auth_enabled else 'need no API key'}"
