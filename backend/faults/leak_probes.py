"""Measure from outside which resources an idle worker holds: file descriptors and pool connections."""

import asyncio
from typing import Final

from psycopg2.extensions import connection

from faults.catalogue import connect
from faults.environment import Environment
from faults.final_state import WorkerResources
from faults.http_client import ConnectionPool, encode_request
from faults.processes import count_descriptors, wait_until
from faults.workers import POOL_SIZE, Worker

_LOCK_WAITS: Final = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
_READ: Final = encode_request("GET", "/deals/1")
_ATTEMPTS: Final = 3
_SPARE_DESCRIPTORS: Final = 3
"""Allowance for short-lived descriptors."""
_SETTLE_SECONDS: Final = 3.0
_POLL_SECONDS: Final = 0.005


def measure_resources(environment: Environment) -> list[WorkerResources]:
    """Call it after all clients have closed their connections."""
    return [
        _measure_worker(environment.database_url, worker, environment.initial_descriptors[worker])
        for worker in environment.workers
    ]


def _measure_worker(url: str, worker: Worker, initial_descriptors: int) -> WorkerResources:
    limit = initial_descriptors + POOL_SIZE + _SPARE_DESCRIPTORS
    wait_until(lambda: count_descriptors(worker.pid or 0) <= limit, seconds=_SETTLE_SECONDS)
    descriptors = count_descriptors(worker.pid or 0)
    usable = 0
    for _ in range(_ATTEMPTS):  # on a busy machine, the first reads may reach their lock timeout before all have begun
        usable = max(usable, asyncio.run(_count_usable_connections(url, worker)))
        if usable == POOL_SIZE:
            break
    return WorkerResources(worker.name, descriptors, limit, usable, POOL_SIZE)


async def _count_usable_connections(url: str, worker: Worker) -> int:
    """The number of concurrent reads that get a connection: all wait for a table lock, where they are counted."""
    waiting = 0
    with connect(url) as holder, holder.cursor() as lock, connect(url) as observer:
        lock.execute("BEGIN; LOCK TABLE deals IN ACCESS EXCLUSIVE MODE")
        clients = ConnectionPool(worker.port)
        reads = [asyncio.create_task(clients.send(_READ)) for _ in range(POOL_SIZE)]
        while waiting < POOL_SIZE and not all(read.done() for read in reads):
            waiting = max(waiting, _count_lock_waits(observer))
            await asyncio.sleep(_POLL_SECONDS)
        lock.execute("ROLLBACK")
        await asyncio.gather(*reads, return_exceptions=True)
        clients.close()
    return waiting


def _count_lock_waits(observer: connection) -> int:
    with observer.cursor() as cursor:
        cursor.execute(_LOCK_WAITS)
        return sum(number for (number,) in cursor.fetchall())
