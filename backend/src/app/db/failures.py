"""The log of database failures: each cause has its own event, and an outage is logged when it begins and ends."""

import errno
from collections.abc import Mapping
from typing import Final

import structlog

from app.db.errors import POOL_TIMEOUTS, get_driver_error, to_app_error
from app.errors import ServiceUnavailableError
from app.observability.episodes import DATABASE_OUTAGE, DESCRIPTOR_SHORTAGE, Episode
from app.observability.requests import set_cause

DATABASE_ERROR: Final = "database_error"
"""An error of the service, or one that an operator has to repair; logged with its traceback."""

_OUT_OF_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE})
_BY_SQLSTATE: Final[Mapping[str, str]] = {
    "0A": "stale_statement",
    "25006": "database_read_only",
    "25P03": "transaction_idle_timeout",
    "25P04": "transaction_timeout",
    "26": "stale_statement",
    "28": "database_login_rejected",
    "3D": "database_missing",
    "40": "serialization_failure",
    "40P01": "deadlock",
    "42": DATABASE_ERROR,
    "42P05": "stale_statement",
    "53": "database_out_of_resources",
    "53300": "too_many_connections",
    "54": "database_limit_exceeded",
    "55": "database_object_not_ready",
    "55P03": "lock_timeout",
    "57014": "statement_timeout",
    "58": "database_io_error",
}
"""By SQLSTATE, else by the first two characters, its class. Other unavailability is an outage."""

_log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger("database")


def log_failure(error: Exception) -> None:
    """Log an error of the database, and set it as the cause of the current request's failure."""
    cause = find_cause(error)
    driver_error = get_driver_error(error)
    fields = {"error": type(driver_error).__name__, "sqlstate": getattr(driver_error, "sqlstate", None)}
    if isinstance(cause, Episode):
        cause.begin(**fields)
        set_cause(cause.begins)
        return
    set_cause(cause)
    if cause == DATABASE_ERROR:
        _log.error(cause, exc_info=error)
    else:
        _log.warning(cause, **fields)


def find_cause(error: Exception) -> str | Episode:
    """The event of a failure, or the episode that it belongs to."""
    driver_error = get_driver_error(error)
    if not isinstance(to_app_error(error), ServiceUnavailableError):
        return DATABASE_ERROR
    if isinstance(driver_error, POOL_TIMEOUTS):
        return "pool_exhausted"
    if getattr(driver_error, "errno", None) in _OUT_OF_DESCRIPTORS:
        return DESCRIPTOR_SHORTAGE
    if type(driver_error) is TimeoutError:
        return "request_timeout"
    sqlstate: str = getattr(driver_error, "sqlstate", None) or ""
    return _BY_SQLSTATE.get(sqlstate) or _BY_SQLSTATE.get(sqlstate[:2]) or DATABASE_OUTAGE
