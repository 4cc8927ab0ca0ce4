"""What is there once everything is well again and nobody asks for anything: the other half of the evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg2.extensions import connection

from faults.catalogue import Value, connected
from faults.processes import wait_until

_TRAIL: Final = "SELECT deal_id, kind, version, room_type, price_per_night::text FROM fault_trail ORDER BY id"
_DEALS: Final = "SELECT id, version, room_type, price_per_night::text FROM deals"
_ROLLUPS: Final = """
    WITH kept AS (
        SELECT 'deal_rollup' AS name, NULL::bigint AS category_id, * FROM deal_rollup
        UNION ALL
        SELECT 'category_rollup', category_id, hotel_id, star_rating, is_available, deal_count, price_sum
        FROM category_rollup
    ), counted AS (
        SELECT 'deal_rollup', NULL::bigint, hotel_id, star_rating, is_available, count(*), sum(price_per_night)
        FROM deals GROUP BY hotel_id, star_rating, is_available
        UNION ALL
        SELECT 'category_rollup', category_id, hotel_id, star_rating, is_available, count(*), sum(price_per_night)
        FROM deals JOIN deal_categories ON deal_id = id GROUP BY category_id, hotel_id, star_rating, is_available
    )
    (SELECT 'kept', * FROM kept WHERE deal_count <> 0 OR price_sum <> 0 EXCEPT ALL SELECT 'kept', * FROM counted)
    UNION ALL
    (SELECT 'counted', * FROM counted EXCEPT ALL SELECT 'counted', * FROM kept)
"""
"""No row of this is right."""
_BUSY: Final = """
    SELECT state || ': ' || query FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
    AND backend_type = 'client backend'
"""
_SETTLE_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Step:
    """One row written and committed, as the trail tells. A step is later than those before it of the same deal."""

    key: int
    kind: str
    """`insert`, `update` or `delete`."""
    version: int
    value: Value


@dataclass(frozen=True, slots=True)
class Deal:
    version: int
    value: Value


@dataclass(frozen=True, slots=True)
class Rest:
    """What a worker has in use when it has nothing to do."""

    name: str
    files: int
    most_files: int
    """What it may have: those of its first request, and its pool."""
    usable: int
    """Connections of its pool that requests could get, all at once."""
    pool: int
    """Connections that its pool has."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """All that the checkers know beside the history."""

    deals: Mapping[int, Deal] = field(default_factory=dict)
    trail: Sequence[Step] = ()
    rollups: Sequence[str] = ()
    """Differences between the rollups and what they are the sums of."""
    sessions: Sequence[str] = ()
    """What database sessions are in the middle of, while nobody asks for anything."""
    workers: Sequence[Rest] = ()
    back_after: Mapping[str, float | None] = field(default_factory=dict)
    """Seconds from the last cure to a worker's first 200; None if there was none."""


def kept_at(url: str) -> tuple[dict[int, Deal], list[Step], list[str]]:
    """The deals, their trail, and what is wrong with the rollups."""
    with connected(url) as database:
        trail = [Step(key, kind, version, Value(*value)) for key, kind, version, *value in _rows(database, _TRAIL)]
        deals = {key: Deal(version, Value(*value)) for key, version, *value in _rows(database, _DEALS)}
        wrong = [" ".join(str(part) for part in row if part is not None) for row in _rows(database, _ROLLUPS)]
    return deals, trail, wrong


def busy_sessions(url: str) -> list[str]:
    """What sessions are in the middle of, after all have had the time to end by themselves."""
    with connected(url) as database:
        wait_until(lambda: not _rows(database, _BUSY), seconds=_SETTLE_SECONDS)
        return [said for (said,) in _rows(database, _BUSY)]


def _rows(database: connection, statement: str) -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()
