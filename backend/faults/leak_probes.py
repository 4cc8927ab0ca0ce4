"""Measure from outside which resources an idle worker holds: file descriptors and pool connections."""

import asyncio
from typing import Final

from faults.database import LOCK_DEALS, count_lock_waits, hold_lock
from faults.environment import Environment
from faults.final_state import WorkerResources
from faults.http_client import ConnectionPool, encode_request
from faults.processes import count_descriptors, wait_until
from faults.workers import MAX_CONNECTIONS, POOL_SIZE, Worker

_REQUESTS: Final = {
    "read": encode_request("GET", "/deals/1"),
    "write": encode_request("PATCH", "/deals/1", {"star_rating": 5, "version": 2_000_000_000}),
}
"""By pool: a request that uses one of its connections and changes nothing."""
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
    limit = initial_descriptors + MAX_CONNECTIONS + _SPARE_DESCRIPTORS
    wait_until(lambda: count_descriptors(worker.pid or 0) <= limit, seconds=_SETTLE_SECONDS)
    descriptors = count_descriptors(worker.pid or 0)
    usable = {pool: _count_usable_connections(url, worker, request) for pool, request in _REQUESTS.items()}
    return WorkerResources(worker.name, descriptors, limit, usable, POOL_SIZE)


def _count_usable_connections(url: str, worker: Worker, request: bytes) -> int:
    """Repeated because on a busy machine the first requests may time out before the last ones wait."""
    usable = 0
    for _ in range(_ATTEMPTS):
        usable = max(usable, asyncio.run(_send_and_count_waits(url, worker, request)))
        if usable == POOL_SIZE:
            break
    return usable


async def _send_and_count_waits(url: str, worker: Worker, request: bytes) -> int:
    """The number of concurrent requests that get a connection: all wait for a table lock, where they are counted."""
    waiting, clients = 0, ConnectionPool(worker.port)
    with hold_lock(url, LOCK_DEALS):
        tasks = [asyncio.create_task(clients.send(request)) for _ in range(POOL_SIZE)]
        while waiting < POOL_SIZE and not all(task.done() for task in tasks):
            waiting = max(waiting, count_lock_waits(url))
            await asyncio.sleep(_POLL_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
    clients.close()
    return waiting
