"""The cause that the log names for each failure of the database, and the log of conditions that last."""

import errno
import json
import subprocess
import sys
from typing import Final

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.db.errors import ConnectTimeoutError, ReadPoolTimeoutError
from app.db.failures import DATABASE_ERROR, find_cause
from app.observability.episodes import DATABASE_OUTAGE, DESCRIPTOR_SHORTAGE, Episode


def server_error(sqlstate: str) -> Exception:
    error: Exception = asyncpg.PostgresError.new({"S": "ERROR", "C": sqlstate, "M": "secret"})
    return error


_CAUSES: Final[dict[str, str | Episode]] = {
    "0A000": "stale_statement",
    "08006": DATABASE_OUTAGE,
    "22003": DATABASE_ERROR,
    "25006": "database_read_only",
    "25P03": "transaction_idle_timeout",
    "25P04": "transaction_timeout",
    "26000": "stale_statement",
    "28P01": "database_login_rejected",
    "3D000": "database_missing",
    "40001": "serialization_failure",
    "40P01": "deadlock",
    "42501": DATABASE_ERROR,
    "42P01": DATABASE_ERROR,
    "42P05": "stale_statement",
    "53100": "database_out_of_resources",
    "53300": "too_many_connections",
    "54000": "database_limit_exceeded",
    "55000": "database_object_not_ready",
    "55P03": "lock_timeout",
    "57014": "statement_timeout",
    "57P01": DATABASE_OUTAGE,
    "57P03": DATABASE_OUTAGE,
    "58030": "database_io_error",
    "XX000": DATABASE_ERROR,
}
_ERRORS: Final[list[tuple[Exception, str | Episode]]] = [
    *((server_error(sqlstate), cause) for sqlstate, cause in _CAUSES.items()),
    (ConnectionRefusedError(), DATABASE_OUTAGE),
    (FileNotFoundError(), DATABASE_OUTAGE),
    (ConnectTimeoutError(), DATABASE_OUTAGE),
    (asyncpg.ConnectionDoesNotExistError(), DATABASE_OUTAGE),
    (asyncpg.InterfaceError("connection is closed"), DATABASE_OUTAGE),
    (ReadPoolTimeoutError(), "pool_exhausted"),
    (PoolTimeoutError(), "pool_exhausted"),
    (TimeoutError(), "request_timeout"),
    (OSError(errno.EMFILE, "Too many open files"), DESCRIPTOR_SHORTAGE),
    (OSError(errno.ENFILE, "Too many open files in system"), DESCRIPTOR_SHORTAGE),
]
_LOG_EPISODE: Final = """
from app.config import Environment, Settings
from app.logging import configure_logging
from app.observability.episodes import DATABASE_OUTAGE

configure_logging(Settings(env=Environment.PRODUCTION))
DATABASE_OUTAGE.end()
for _ in range(2):
    DATABASE_OUTAGE.begin(error="one")
    DATABASE_OUTAGE.begin(error="two")
    DATABASE_OUTAGE.end()
    DATABASE_OUTAGE.end()
"""


@pytest.mark.parametrize(("error", "cause"), _ERRORS)
def test_each_failure_has_its_own_cause(error: Exception, cause: str | Episode) -> None:
    wrapped = DBAPIError(None, None, error)
    assert find_cause(error) == cause
    if getattr(error, "sqlstate", None):
        assert find_cause(wrapped) == cause


def test_episode_is_logged_when_it_begins_and_when_it_ends() -> None:
    result = subprocess.run([sys.executable, "-c", _LOG_EPISODE], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["event"], line.get("error")) for line in lines] == [
        ("database_unavailable", "one"),
        ("database_available", None),
    ] * 2
