"""What workers have in use when nobody asks for anything, seen from outside."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from psycopg2.extensions import connection

from faults.aftermath import Rest
from faults.catalogue import connected
from faults.client import http_client
from faults.processes import open_files, wait_until
from faults.workers import POOL_SIZE, Worker

_WAITING: Final = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
_TRIES: Final = 3
_SPARE: Final = 3
"""Descriptors that come and go."""
_SETTLE_SECONDS: Final = 3.0
_PATIENCE: Final = 30.0
_POLL_SECONDS: Final = 0.005


def files_of(workers: Sequence[Worker]) -> dict[Worker, int]:
    """How many descriptors each has open."""
    return {worker: open_files(worker.pid or 0) for worker in workers}


def at_rest(url: str, workers: Sequence[Worker], files_at_first: Mapping[Worker, int]) -> list[Rest]:
    """What each worker keeps. The clients' connections have to be closed by now."""
    return [_rest(url, worker, files_at_first[worker]) for worker in workers]


def _rest(url: str, worker: Worker, files_at_first: int) -> Rest:
    most = files_at_first + POOL_SIZE + _SPARE
    wait_until(lambda: open_files(worker.pid or 0) <= most, seconds=_SETTLE_SECONDS)
    files = open_files(worker.pid or 0)
    usable = 0
    for _ in range(_TRIES):  # a busy machine may take longer to connect than the first reads wait for the lock
        usable = max(usable, asyncio.run(_usable(url, worker)))
        if usable == POOL_SIZE:
            break
    return Rest(f"worker {worker.number}", files, most, usable, POOL_SIZE)


async def _usable(url: str, worker: Worker) -> int:
    """How many reads can have a connection at once: all of them are made to wait for a lock, and counted there."""
    most = 0
    with connected(url) as holder, holder.cursor() as lock, connected(url) as observer:
        lock.execute("BEGIN; LOCK TABLE deals IN ACCESS EXCLUSIVE MODE")
        async with http_client(seconds=_PATIENCE) as client:
            reads = [asyncio.create_task(client.get(f"{worker.url}/deals/1")) for _ in range(POOL_SIZE)]
            while most < POOL_SIZE and not all(read.done() for read in reads):
                most = max(most, _waiting(observer))
                await asyncio.sleep(_POLL_SECONDS)
            lock.execute("ROLLBACK")
            await asyncio.gather(*reads, return_exceptions=True)
    return most


def _waiting(observer: connection) -> int:
    with observer.cursor() as cursor:
        cursor.execute(_WAITING)
        return sum(number for (number,) in cursor.fetchall())
