"""The state of the database and the workers after everything was healed and all clients have stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from faults.catalogue import Value
from faults.database import connect, fetch_all

_AUDIT_TRAIL: Final = "SELECT deal_id, kind, version, room_type, price_per_night::text FROM audit_trail ORDER BY id"
_DEALS: Final = "SELECT id, version, room_type, price_per_night::text FROM deals"
_ROLLUP_MISMATCHES: Final = """
    WITH stored AS (
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
    (SELECT 'stored', * FROM stored WHERE deal_count <> 0 OR price_sum <> 0 EXCEPT ALL SELECT 'stored', * FROM counted)
    UNION ALL
    (SELECT 'counted', * FROM counted EXCEPT ALL SELECT 'counted', * FROM stored)
"""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A committed write of one row. Records of the same deal are in the order of their commits."""

    deal_id: int
    kind: str
    """`insert`, `update` or `delete`."""
    version: int
    value: Value


@dataclass(frozen=True, slots=True)
class StoredDeal:
    version: int
    value: Value


@dataclass(frozen=True, slots=True)
class WorkerResources:
    """The resources of an idle worker."""

    name: str
    descriptors: int
    max_descriptors: int
    """Those after the first request, and those of full connection pools."""
    usable_connections: Mapping[str, int]
    """By pool: the connections that concurrent requests can acquire."""
    pool_size: int


@dataclass(frozen=True, slots=True)
class FinalState:
    deals: Mapping[int, StoredDeal] = field(default_factory=dict)
    audit_trail: Sequence[AuditRecord] = ()
    rollup_mismatches: Sequence[str] = ()
    busy_sessions: Sequence[str] = ()
    """State and statement of database sessions that are not idle."""
    resources: Sequence[WorkerResources] = ()
    recovery_seconds: Mapping[str, float | None] = field(default_factory=dict)
    """By worker: the seconds until its first 200; None if there was none."""


def read_database(url: str) -> tuple[dict[int, StoredDeal], list[AuditRecord], list[str]]:
    """The deals, the audit trail, and the rows in which the rollups differ from the deals."""
    with connect(url) as database:
        trail = [
            AuditRecord(deal_id, kind, version, Value(*value))
            for deal_id, kind, version, *value in fetch_all(database, _AUDIT_TRAIL)
        ]
        deals = {row[0]: StoredDeal(row[1], Value(*row[2:])) for row in fetch_all(database, _DEALS)}
        rows = fetch_all(database, _ROLLUP_MISMATCHES)
    return deals, trail, [" ".join(str(part) for part in row if part is not None) for row in rows]
