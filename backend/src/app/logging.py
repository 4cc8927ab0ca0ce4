"""Structured logs, JSON in production and readable in development, written to standard output by a thread."""

import atexit
import logging
import os
import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog
from structlog.typing import Processor

from app.config import Settings
from app.observability.output import LogOutput
from app.observability.requests import sql_log

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
_STANDARD_OUTPUT: Final = 1
_DRAIN_SECONDS: Final = 1.0

_log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger()


def _log_dropped(lines: int) -> None:
    _log.error("log_lines_dropped", lines=lines)


_output: Final = LogOutput(_STANDARD_OUTPUT, on_dropped=_log_dropped)
drain_logs: Final = partial(_output.drain, timeout=_DRAIN_SECONDS)
"""Wait until the lines so far have been written, at most a second. Necessary before a signal ends the process."""
atexit.register(drain_logs)


def configure_logging(settings: Settings) -> None:
    """Send the lines of structlog and of the standard library to standard output, in one format.

    In production this includes warnings and exceptions that nothing catches, which Python prints otherwise.
    """
    sql_log.is_enabled = settings.log_sql
    level = logging.getLevelNamesMapping()[settings.log_level]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if settings.is_production
        else structlog.dev.ConsoleRenderer(
            colors=os.isatty(_STANDARD_OUTPUT), exception_formatter=structlog.dev.plain_traceback
        )
    )
    tracebacks: tuple[Processor, ...] = (_TRACEBACKS,) if settings.is_production else ()
    structlog.configure(
        processors=[*_SHARED, *tracebacks, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _output,
        cache_logger_on_first_use=True,
    )
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    _configure_standard_loggers(level, processors=[remove_meta, *tracebacks, renderer])
    if settings.is_production:
        _log_uncaught_errors()


def _configure_standard_loggers(level: int, *, processors: Sequence[Processor]) -> None:
    handler = logging.StreamHandler(_output)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_SHARED, processors=processors))
    logging.basicConfig(handlers=[handler], level=max(level, logging.INFO), force=True)
    for name in _VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _UVICORN_LOGGERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def _log_uncaught_errors() -> None:
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda _, error, __: _log.critical("uncaught_exception", exc_info=error)
    sys.unraisablehook = lambda args: _log.error("unraisable_exception", exc_info=args.exc_value)
    threading.excepthook = lambda args: _log.error("uncaught_exception", exc_info=args.exc_value)
