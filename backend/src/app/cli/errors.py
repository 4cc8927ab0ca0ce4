"""How the command line tells what a user can mend: in one sentence, with an exit code that is not 0."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from sqlalchemy.exc import OperationalError

from app.cli.doctor import UnsafeConfigurationError
from app.cli.maintenance import MaintenanceError
from app.cli.psql import PsqlError
from app.config import SettingsError
from app.db.migrations import MigrationError
from app.importer.types import LoadError, LoadFileError, LoadInterruptedError
from app.server.launcher import LauncherError
from devtools.postgres.embedded import EmbeddedPostgresError

_MENDABLE = (
    SettingsError,
    LauncherError,
    MigrationError,
    EmbeddedPostgresError,
    LoadError,
    PsqlError,
    UnsafeConfigurationError,
    MaintenanceError,
)


@contextmanager
def user_errors() -> Iterator[None]:
    """Around everything that a command does before it has an answer."""
    try:
        yield
    except LoadFileError as error:
        abort(str(error), code=2)
    except LoadInterruptedError as error:
        abort(str(error), code=130)
    except _MENDABLE as error:
        abort(str(error))
    except OperationalError as error:
        abort(f"The database does not answer: {str(error.orig).strip().splitlines()[0]}")
    except OSError as error:
        abort(f"{error.filename or 'A file'} can't be used: {error.strerror or error}.")


def abort(sentence: str, *, code: int = 1) -> NoReturn:
    """End the command."""
    typer.secho(sentence, err=True, fg=typer.colors.RED)
    raise typer.Exit(code)
