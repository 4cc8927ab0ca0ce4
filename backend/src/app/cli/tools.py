"""Developer tools: `deals psql`, `shell`, `openapi` and `bench`."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import typer

from app.cli.errors import abort, user_errors

_BACKEND: Final = Path(__file__).resolve().parents[3]


def psql() -> None:
    """Open psql on the database that the service would use."""
    from app.config import load_settings
    from app.db.resolve import open_database
    from app.db.urls import split_secrets

    with user_errors():
        settings = load_settings()
        with open_database(settings) as database:
            # Other users can read a program's arguments, but not its environment.
            url, environment = split_secrets(database.url)
            code = _run_interactive([_find_psql(settings.postgres_bin_dir), url], environment=environment)
    raise typer.Exit(code)


def shell() -> None:
    """Open a Python prompt with `pd` and `db`.

    `pd` is pandas, and `db` is a SQLAlchemy engine on the database that the service would use.
    """
    from app.config import load_settings
    from app.db.resolve import open_database

    script = _require_repository("scripts/pythonstartup.py")
    # The database stays open here, so that its errors are reported before the prompt starts.
    with user_errors(), open_database(load_settings()):
        code = _run_interactive([sys.executable, "-i", str(script)])
    raise typer.Exit(code)


def openapi() -> None:
    """Print the OpenAPI document of /openapi.json."""
    import json

    from app.config import load_settings
    from app.main import create_app

    with user_errors():
        document = create_app(load_settings()).openapi()
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def bench(context: typer.Context) -> None:
    """Measure the performance of the service.

    `deals bench --help` lists the options.
    """
    _require_repository("benchmarks")
    command = [sys.executable, "-m", "benchmarks", *context.args]
    raise typer.Exit(subprocess.run(command, cwd=_BACKEND, check=False).returncode)  # noqa: S603  our own module


def _require_repository(name: str) -> Path:
    """A path in backend/ of the repository. Ends the command if the service is installed without it."""
    path = _BACKEND / name
    if not path.exists():
        abort(f"This command needs the repository: there is no {path}.")
    return path


def _find_psql(bin_dir: Path | None) -> str:
    import shutil

    from app.db.resolve import bundled_postgres_programs

    if bin_dir is None and (found := shutil.which("psql")):
        return found
    programs = bin_dir or bundled_postgres_programs()
    if programs is None:
        abort("There is no psql: install it, or set APP_POSTGRES_BIN_DIR to its directory.")
    return str(programs / "psql")


def _run_interactive(command: Sequence[str], *, environment: Mapping[str, str] = MappingProxyType({})) -> int:
    """Run a program that handles Ctrl-C itself, with the variables of `environment` in addition to those set."""
    handler = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which the program would inherit
    try:
        variables = {**os.environ, **environment}
        return subprocess.run(command, env=variables, check=False).returncode  # noqa: S603  psql or our own interpreter
    finally:
        signal.signal(signal.SIGINT, handler)
