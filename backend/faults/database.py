"""Direct database connections: hold locks, and observe the sessions of the workers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg2
from psycopg2.extensions import connection

from faults.processes import wait_until

LOCK_DEALS: Final = "LOCK TABLE deals IN ACCESS EXCLUSIVE MODE"

_SESSIONS: Final = """
    SELECT state || ': ' || query FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
"""
_SETTLE_SECONDS: Final = 5.0


@contextmanager
def connect(url: str) -> Iterator[connection]:
    """A connection in autocommit mode."""
    database = psycopg2.connect(url)
    database.autocommit = True
    try:
        yield database
    finally:
        database.close()


@contextmanager
def hold_lock(url: str, statement: str) -> Iterator[None]:
    """Hold the locks that the statement takes until the end of the block."""
    with connect(url) as database:
        database.autocommit = False
        fetch_all(database, statement)
        yield
        database.rollback()


def list_sessions(url: str) -> list[str]:
    """State and statement of all client sessions, except this one."""
    return _list(url, _SESSIONS)


def list_busy_sessions(url: str) -> list[str]:
    """Sessions that run a statement or have an open transaction, after a few seconds in which they may finish."""
    busy = f"{_SESSIONS} AND state <> 'idle'"
    wait_until(lambda: not _list(url, busy), seconds=_SETTLE_SECONDS)
    return _list(url, busy)


def count_lock_waits(url: str) -> int:
    """The number of sessions that wait for a lock."""
    return len(_list(url, f"{_SESSIONS} AND wait_event_type = 'Lock'"))


def fetch_all(database: connection, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a query; none for another statement."""
    with database.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _list(url: str, statement: str) -> list[str]:
    with connect(url) as database:
        return [session for (session,) in fetch_all(database, statement)]
