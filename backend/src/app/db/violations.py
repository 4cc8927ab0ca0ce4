"""What the database refused, by SQLSTATE and constraint name, never by the text of a message."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.errors import AppError, ServiceUnavailableError

UNANSWERED: Final = (DBAPIError, PoolTimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""Every type under which the driver or the pool says that a statement was not carried out."""

_UNAVAILABLE: Final = ("08", "40", "53", "55", "57")


@contextmanager
def violations(rules: Mapping[str, Callable[[], AppError]]) -> Iterator[None]:
    """Turn a violated constraint that `rules` names into the error it stands for."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        rule = rules.get(error.constraint_name)
        if rule is None:
            raise
        raise rule() from error


def as_app_error(error: Exception) -> AppError:
    """503 where the database was not there or gave up; 500, a fault of ours, for the rest."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state: str | None = getattr(cause, "sqlstate", None)
    if state is None:
        is_away = not isinstance(error, DBAPIError) or error.connection_invalidated
    else:
        is_away = state.startswith(_UNAVAILABLE)
    return ServiceUnavailableError() if is_away else AppError()
