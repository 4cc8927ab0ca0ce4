"""Database errors by SQLSTATE and constraint name, never by the text of a message.

One table maps each class of errors to a response. SQLSTATE codes: PostgreSQL's manual, appendix A.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.errors import AppError, ConflictError, ErrorDetail, InvalidError, ServiceUnavailableError


class ConnectTimeoutError(TimeoutError):
    """The server has not accepted a connection in time."""


class ReadPoolTimeoutError(TimeoutError):
    """No connection of the read pool was free in time."""


DATABASE_ERRORS: Final = (
    DBAPIError,
    PoolTimeoutError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""Every type that the driver or a pool raises for a statement that failed."""
POOL_TIMEOUTS: Final = (PoolTimeoutError, ReadPoolTimeoutError)
ABANDONED_ERRORS: Final = (asyncio.CancelledError, TimeoutError, asyncpg.InternalClientError)
"""A statement may still be running on the connection, which must not be reused."""

_CONNECTION_LOST: Final = (
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # on a connection that the server has ended and the driver has not closed yet
    ConnectionError,
)
_STALE_STATEMENT: Final = (
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
    asyncpg.InvalidSQLStatementNameError,  # a pooler has switched the session
    asyncpg.DuplicatePreparedStatementError,
)
_BY_SQLSTATE: Final[Mapping[str, type[AppError]]] = {
    "0A": ServiceUnavailableError,  # prepared against an older table definition
    "08": ServiceUnavailableError,  # the connection
    "22": InvalidError,  # a value that passed the validation
    "23": ConflictError,  # a constraint without a rule
    "23502": InvalidError,  # NOT NULL and CHECK concern the value alone
    "23514": InvalidError,
    "25006": ServiceUnavailableError,  # a read-only transaction: during a failover
    "26": ServiceUnavailableError,  # an unknown prepared statement: a pooler switched the session
    "25P03": ServiceUnavailableError,  # idle in transaction timeout
    "25P04": ServiceUnavailableError,  # transaction timeout
    "28": ServiceUnavailableError,  # invalid credentials, for instance after a rotation
    "3D": ServiceUnavailableError,  # the database does not exist, for instance during a restore
    "40": ServiceUnavailableError,  # a deadlock or serialization failure, after all retries
    "42501": ServiceUnavailableError,  # a missing privilege
    "42703": ServiceUnavailableError,  # a column or table of another schema version
    "42P01": ServiceUnavailableError,
    "42P05": ServiceUnavailableError,  # a duplicate prepared statement, as 26
    "53": ServiceUnavailableError,  # disk full, out of memory, too many connections
    "54": ServiceUnavailableError,  # a limit of the server
    "55": ServiceUnavailableError,  # lock not available, object not in prerequisite state
    "57": ServiceUnavailableError,  # operator intervention: a timeout, a shutdown, a start
    "58": ServiceUnavailableError,  # I/O error
}
"""By SQLSTATE, else by the first two characters, its class. Other errors are bugs of the service: 500."""


def get_driver_error(error: BaseException) -> BaseException:
    """asyncpg's error inside SQLAlchemy's wrapper, or the error itself."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def is_connection_lost(error: BaseException) -> bool:
    """Whether the connection of the statement is lost; a value that the driver cannot encode is something else."""
    driver_error = get_driver_error(error)
    return isinstance(driver_error, _CONNECTION_LOST) and not isinstance(driver_error, ValueError)


def is_stale_statement(error: BaseException) -> bool:
    """Whether the server does not have the statement as it was prepared: its tables or its session have changed."""
    return isinstance(get_driver_error(error), _STALE_STATEMENT)


def is_retryable(error: BaseException) -> bool:
    """Whether the same transaction may succeed if it is repeated: after a deadlock, a lost connection or DDL."""
    is_rollback = isinstance(get_driver_error(error), asyncpg.TransactionRollbackError)
    return is_rollback or is_connection_lost(error) or is_stale_statement(error)


@contextmanager
def map_constraint_errors(rules: Mapping[str, Callable[[], AppError]]) -> Iterator[None]:
    """Raise the error that `rules` has for the name of a violated constraint; others pass unchanged."""
    try:
        yield
    except IntegrityError as error:
        rule = rules.get(getattr(get_driver_error(error), "constraint_name", None) or "")
        if rule is None:
            raise
        raise rule() from error


def plain_text_rules(table: str, **fields: str) -> dict[str, Callable[[], AppError]]:
    """Rules for `map_constraint_errors`: the plain-text check of each column of `table`, by request field.

    Validated text can violate the check if PostgreSQL's Unicode version is newer than Python's: NFC differs then.
    """
    return {
        f"ck_{table}_{column}_is_plain": partial(InvalidError, details=[ErrorDetail(field, "must be in Unicode NFC")])
        for column, field in fields.items()
    }


def to_app_error(error: Exception) -> AppError:
    """The response to a database error: by its SQLSTATE, else 503 if the connection failed, else 500."""
    driver_error = get_driver_error(error)
    if isinstance(driver_error, ValueError):  # the driver cannot encode a value that passed the validation
        return InvalidError()
    sqlstate: str | None = getattr(driver_error, "sqlstate", None)
    if sqlstate is None:
        is_unavailable = not isinstance(error, DBAPIError) or is_connection_lost(error) or error.connection_invalidated
        return ServiceUnavailableError() if is_unavailable else AppError()
    return (_BY_SQLSTATE.get(sqlstate) or _BY_SQLSTATE.get(sqlstate[:2], AppError))()
