"""Structured logs, JSON in production and readable in development; the query counter and the log of SQL statements."""

import logging
import sys
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import structlog
from structlog.typing import Processor

from app.config import Settings

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)
_TRACEBACKS: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_UVICORN_LOGGERS: Final = ("uvicorn", "uvicorn.error")
_VERBOSE_LOGGERS: Final = ("alembic", "watchfiles")
"""Alembic logs its dialect at every connection, watchfiles each change of a file, bytecode included."""


@dataclass(slots=True)
class QueryCounter:
    """The number of statements that one request has sent."""

    queries: int = 0


@dataclass(slots=True)
class SqlLog:
    """Whether statements are logged. Set by `configure_logging`, for the process."""

    is_enabled: bool = False


_counter: ContextVar[QueryCounter] = ContextVar("query_counter")
_sql_log: Final = SqlLog()
_log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger()


def start_query_counter() -> QueryCounter:
    """Start counting for the current request."""
    counter = QueryCounter()
    _counter.set(counter)
    return counter


def start_statement() -> float:
    """Count a statement that is about to be sent. Returns its start for `end_statement`."""
    counter = _counter.get(None)
    if counter is not None:
        counter.queries += 1
    return time.perf_counter()


def end_statement(sql: str, started: float) -> None:
    """Log a statement that has succeeded or failed, with its duration, if APP_LOG_SQL is set."""
    if _sql_log.is_enabled:
        _log.info("statement", sql=" ".join(sql.split()), ms=round((time.perf_counter() - started) * 1000, 2))


def configure_logging(settings: Settings) -> None:
    """Send the lines of structlog and of the standard library to standard output, in one format."""
    _sql_log.is_enabled = settings.log_sql
    level = logging.getLevelNamesMapping()[settings.log_level]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if settings.is_production
        else structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    tracebacks: tuple[Processor, ...] = (_TRACEBACKS,) if settings.is_production else ()
    structlog.configure(
        processors=[*_SHARED, *tracebacks, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tracebacks, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.INFO), force=True)
    for name in _VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _UVICORN_LOGGERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
