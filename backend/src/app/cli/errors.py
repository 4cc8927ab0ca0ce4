"""Errors that the user can fix: one sentence on standard error, and an exit code other than 0."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import typer

_MIN_MASKED_LENGTH: Final = 6
"""Shorter values are no secrets, but words of ordinary messages, such as on."""
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
        abort(f"The database is not reachable: {get_driver_message(getattr(error, 'orig', error))}")
    except _sqlalchemy_errors() as error:
        if not _is_missing_privilege(error):
            raise
        abort(MISSING_PRIVILEGE)


def get_driver_message(error: object) -> str:
    """The first line of a driver's message. Values of the options in DATABASE_URL, which may be secret, are masked."""
    from app.config import load_settings
    from app.db.urls import option_values

    message = str(error).strip().partition("\n")[0] or type(error).__name__
    url = load_settings().database_url
    return _mask(message, option_values(url.get_secret_value()) if url else [])


def _mask(message: str, values: Iterable[str]) -> str:
    long = sorted((value for value in values if len(value) >= _MIN_MASKED_LENGTH), key=len, reverse=True)
    return re.sub(rf"(?<!\w)({'|'.join(map(re.escape, long))})(?!\w)", "***", message) if long else message


def abort(message: str, *, code: int = 1) -> NoReturn:
    """Print the message, whose lines have no control characters, and end the command."""
    from app.importer.types import printable

    typer.secho("\n".join(map(printable, message.splitlines())), err=True, fg=typer.colors.RED)
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
    from app.db.encoding import UnsupportedDatabaseError
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
        UnsupportedDatabaseError,
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
