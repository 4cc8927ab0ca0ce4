"""What the campaigns do to the database behind the service's back, and see of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from faults.catalogue import connected
from faults.processes import wait_until

_SESSIONS: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
"""
_BUSY: Final = f"{_SESSIONS} AND state <> 'idle'"
_WAITING: Final = f"{_SESSIONS} AND wait_event_type = 'Lock'"


@contextmanager
def holding(url: str, statement: str) -> Iterator[None]:
    """The locks that a statement takes, held for the length of the block."""
    with connected(url) as database:
        database.autocommit = False
        with database.cursor() as cursor:
            cursor.execute(statement)
        yield
        database.rollback()


def sessions(url: str) -> int:
    """How many connections others than we have to the database."""
    return _number(url, _SESSIONS)


def busy(url: str) -> int:
    """How many of those are not idle: at work, or in a transaction."""
    return _number(url, _BUSY)


def waiting(url: str) -> int:
    """How many of those wait for a lock."""
    return _number(url, _WAITING)


def left_after(url: str, *, seconds: float) -> int:
    """How many sessions are busy though nobody asks anything any more; they have so many seconds to end."""
    wait_until(lambda: busy(url) == 0, seconds=seconds)
    return busy(url)


def _number(url: str, statement: str) -> int:
    return int(_value(url, statement))


def _value(url: str, statement: str) -> Any:  # noqa: ANN401  psycopg2 has no types for what comes back
    with connected(url) as database, database.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return row[0] if row else None
