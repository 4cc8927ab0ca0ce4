"""Hold locks and count sessions over a direct database connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from faults.catalogue import connect
from faults.processes import wait_until

LOCK_DEALS: Final = "LOCK TABLE deals IN ACCESS EXCLUSIVE MODE"

_COUNT_SESSIONS: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
"""
_COUNT_BUSY: Final = f"{_COUNT_SESSIONS} AND state <> 'idle'"
_COUNT_LOCK_WAITS: Final = f"{_COUNT_SESSIONS} AND wait_event_type = 'Lock'"


@contextmanager
def hold_lock(url: str, statement: str) -> Iterator[None]:
    """Hold the locks that the statement takes until the end of the block."""
    with connect(url) as database:
        database.autocommit = False
        with database.cursor() as cursor:
            cursor.execute(statement)
        yield
        database.rollback()


def count_sessions(url: str) -> int:
    """Client sessions of the database, except this one."""
    return _fetch_number(url, _COUNT_SESSIONS)


def count_busy_sessions(url: str) -> int:
    """Sessions that run a statement or have an open transaction."""
    return _fetch_number(url, _COUNT_BUSY)


def count_lock_waits(url: str) -> int:
    return _fetch_number(url, _COUNT_LOCK_WAITS)


def count_remaining_sessions(url: str, *, seconds: float) -> int:
    """Busy sessions that are still there after `seconds` without requests."""
    wait_until(lambda: count_busy_sessions(url) == 0, seconds=seconds)
    return count_busy_sessions(url)


def _fetch_number(url: str, statement: str) -> int:
    with connect(url) as database, database.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return int(row[0]) if row else 0
