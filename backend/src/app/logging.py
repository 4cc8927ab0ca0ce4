"""Structured logs: JSON in production, readable in development; and the tally that the access line reports."""

import logging
import sys
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
_OTHERS: Final = ("uvicorn", "uvicorn.error")


@dataclass(slots=True)
class QueryCounter:
    """What one request has used so far."""

    queries: int = 0


_tally: ContextVar[QueryCounter] = ContextVar("tally")


def start_query_counter() -> QueryCounter:
    """Start counting for the current request."""
    tally = QueryCounter()
    _tally.set(tally)
    return tally


def increment_query_count() -> None:
    """Count one statement sent to the database, if a request is being served."""
    tally = _tally.get(None)
    if tally is not None:
        tally.queries += 1


def configure_logging(settings: Settings) -> None:
    """Send structlog's lines and the standard library's, in one format, to standard output."""
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
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells its dialect at every look at the revision
    for name in _OTHERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
