"""How the command line tells what a user can mend: in one sentence, with an exit code that is not 0."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from sqlalchemy.exc import OperationalError

from app.config import SettingsError
from app.db.embedded import EmbeddedPostgresError
from app.db.migrations import MigrationError
from app.db.psql import PsqlError
from app.doctor import UnsafeError
from app.loading.contract import LoadError, LoadFileError
from app.repositories.key_ring import KeyRingError
from app.serving import ServingError
from app.upkeep import UpkeepError

_MENDABLE = (
    SettingsError,
    ServingError,
    MigrationError,
    EmbeddedPostgresError,
    LoadError,
    PsqlError,
    KeyRingError,
    UnsafeError,
    UpkeepError,
)


@contextmanager
def sentences() -> Iterator[None]:
    """Around everything that a command does before it has an answer."""
    try:
        yield
    except LoadFileError as error:
        fail(str(error), code=2)
    except _MENDABLE as error:
        fail(str(error))
    except OperationalError as error:
        fail(f"The database does not answer: {str(error.orig).strip().splitlines()[0]}")
    except OSError as error:
        fail(f"{error.filename or 'A file'} can't be used: {error.strerror or error}.")


def fail(sentence: str, *, code: int = 1) -> NoReturn:
    """End the command."""
    typer.secho(sentence, err=True, fg=typer.colors.RED)
    raise typer.Exit(code)
