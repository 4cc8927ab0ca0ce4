"""Errors that the user can fix: one sentence on standard error, and an exit code other than 0."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import typer

MISSING_PRIVILEGE: Final = "The database's role lacks a privilege for this command; see docs/roles.md."


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn expected exceptions of a command into messages. Unexpected ones keep their traceback."""
    try:
        yield
    except typer.Exit:
        raise
    except OSError as error:
        reason = error.strerror or error
        abort(f"Cannot use {error.filename}: {reason}." if error.filename else f"{reason}.")
    except _expected_errors() as error:
        abort(str(error), code=_get_exit_code(error))
    except _connection_errors() as error:
        cause = str(getattr(error, "orig", error)).strip()
        abort(f"The database is not reachable: {cause.splitlines()[0]}")
    except _sqlalchemy_errors() as error:
        if not _is_missing_privilege(error):
            raise
        abort(MISSING_PRIVILEGE)


def abort(message: str, *, code: int = 1) -> NoReturn:
    """Print the message, without control characters, and end the command."""
    from app.importer.types import printable

    typer.secho(printable(message), err=True, fg=typer.colors.RED)
    raise typer.Exit(code)


def _get_exit_code(error: Exception) -> int:
    from app.importer.types import LoadFileError, LoadInterruptedError

    if isinstance(error, LoadInterruptedError):
        return 130
    return 2 if isinstance(error, LoadFileError) else 1


def _expected_errors() -> tuple[type[Exception], ...]:
    """Exceptions whose message is written for the user."""
    from app.cli.maintenance import MaintenanceError
    from app.cli.production_checks import UnsafeConfigurationError
    from app.config import SettingsError
    from app.db.migrations import MigrationError
    from app.db.resolve import NoDatabaseError
    from app.importer.types import LoadError
    from app.server.launcher import LauncherError

    return (
        LauncherError,
        LoadError,
        MaintenanceError,
        MigrationError,
        NoDatabaseError,
        SettingsError,
        UnsafeConfigurationError,
    )


def _sqlalchemy_errors() -> type[Exception]:
    import sqlalchemy.exc

    return sqlalchemy.exc.DBAPIError


def _is_missing_privilege(error: Exception) -> bool:
    from psycopg2 import errors

    return isinstance(getattr(error, "orig", None), (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction))


def _connection_errors() -> tuple[type[Exception], ...]:
    import psycopg2
    import sqlalchemy.exc

    return (sqlalchemy.exc.OperationalError, psycopg2.OperationalError)
