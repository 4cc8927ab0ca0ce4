"""The facts about a request that its access line contains, and the log of SQL statements."""

import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import structlog


@dataclass(slots=True)
class RequestFacts:
    """Facts about one request from the layers below the access log."""

    queries: int = 0
    """The number of statements that it has sent."""
    code: str | None = None
    """The code in the body of its error response."""
    cause: str | None = None
    """Why it could not be processed, more precise than the code; for instance `lock_timeout`."""


@dataclass(slots=True)
class SqlLog:
    """Whether statements are logged. Set by `configure_logging`, for the process."""

    is_enabled: bool = False


sql_log: Final = SqlLog()
_facts: ContextVar[RequestFacts] = ContextVar("request_facts")
_log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger()


def start_request() -> RequestFacts:
    """The facts about the current request from now on."""
    facts = RequestFacts()
    _facts.set(facts)
    return facts


def set_error_code(code: str) -> None:
    """Set the code of the current request's error response, if there is a request."""
    if (facts := _facts.get(None)) is not None:
        facts.code = code


def set_cause(cause: str) -> None:
    """Set the cause of the current request's failure, if there is a request."""
    if (facts := _facts.get(None)) is not None:
        facts.cause = cause


def start_statement() -> float:
    """Count a statement that is about to be sent. Returns its start for `end_statement`."""
    if (facts := _facts.get(None)) is not None:
        facts.queries += 1
    return time.perf_counter()


def end_statement(sql: str, started: float) -> None:
    """Log a statement that has succeeded or failed, with its duration, if APP_LOG_SQL is set."""
    if sql_log.is_enabled:
        _log.info("statement", sql=" ".join(sql.split()), ms=round((time.perf_counter() - started) * 1000, 2))
