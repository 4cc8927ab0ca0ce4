"""What the database refused, by SQLSTATE and constraint name, never by the text of a message.

One table says what each class of errors is for a client. PostgreSQL's codes: its manual, appendix A.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.db.lending import is_connection_lost, is_stale_statement
from app.errors import AppError, ConflictError, InvalidError, ServiceUnavailableError

DATABASE_ERRORS: Final = (
    DBAPIError,
    PoolTimeoutError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""Every type under which the driver or the pool says that a statement was not carried out."""

_ANSWERS: Final[Mapping[str, type[AppError]]] = {
    "0A": ServiceUnavailableError,  # a statement that was prepared for tables of another form
    "08": ServiceUnavailableError,  # the connection
    "22": InvalidError,  # a value that validation should have caught
    "23": ConflictError,  # a constraint that no rule names
    "23502": InvalidError,  # … for which the value alone is to blame
    "23514": InvalidError,
    "25006": ServiceUnavailableError,  # read only: another server is taking over
    "26": ServiceUnavailableError,  # a prepared statement, of a session that was changed between us and the server
    "25P03": ServiceUnavailableError,  # idle in a transaction
    "25P04": ServiceUnavailableError,  # too long a transaction
    "28": ServiceUnavailableError,  # the password is of yesterday
    "3D": ServiceUnavailableError,  # the database is not there, or is being restored
    "40": ServiceUnavailableError,  # a deadlock, or a serialization failure, that tries have not mended
    "42501": ServiceUnavailableError,  # the role lacks a right
    "42703": ServiceUnavailableError,  # the schema is of another version
    "42P01": ServiceUnavailableError,
    "42P05": ServiceUnavailableError,  # as 26
    "53": ServiceUnavailableError,  # disk full, out of memory, too many connections
    "54": ServiceUnavailableError,  # a limit of the server
    "55": ServiceUnavailableError,  # a lock, and what is being made ready
    "57": ServiceUnavailableError,  # a timeout, a shutdown, a start
    "58": ServiceUnavailableError,  # input and output
}
"""By SQLSTATE, else by the first two characters, its class. Anything else is a fault of ours."""


@contextmanager
def map_constraint_errors(rules: Mapping[str, Callable[[], AppError]]) -> Iterator[None]:
    """Turn a violated constraint that `rules` names into the error it stands for."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        rule = rules.get(error.constraint_name)
        if rule is None:
            raise
        raise rule() from error


def is_retryable(error: BaseException) -> bool:
    """Whether an uncommitted transaction met what another try need not: others' locks, a dead connection, DDL."""
    return is_connection_lost(error) or is_stale_statement(error) or isinstance(error, asyncpg.TransactionRollbackError)


def to_app_error(error: Exception) -> AppError:
    """The answer: by the table where the server said what it was, and 503 where it said nothing."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state: str | None = getattr(cause, "sqlstate", None)
    if isinstance(error, ValueError):  # the driver can't encode what validation has let through
        return InvalidError()
    if state is None:
        is_away = not isinstance(error, DBAPIError) or error.connection_invalidated
        return ServiceUnavailableError() if is_away else AppError()
    answer = _ANSWERS.get(state) or _ANSWERS.get(state[:2], AppError)
    return answer()
