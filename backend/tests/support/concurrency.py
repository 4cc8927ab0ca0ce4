"""Deterministic races: requests queued behind the same lock."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from httpx import Response
from sqlalchemy import text

from tests.support.service import Service

_COUNT_BLOCKED: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)

Request = Coroutine[Any, Any, Response]


async def run_queued(service: Service, *requests: Request, lock: str, **values: Any) -> list[Response]:
    """Send requests one by one while `lock` holds its locks, then release them all; return the responses in order.

    `lock` is a statement, executed with `values` and rolled back. A request that does not block fails the test.
    """
    engine = service.database.engine
    async with engine.connect() as holder, engine.execution_options(isolation_level="AUTOCOMMIT").connect() as observer:
        await holder.execute(text(lock), values)
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[Response]] = []
            for request in requests:
                tasks.append(group.create_task(request))
                while await observer.scalar(_COUNT_BLOCKED) < len(tasks):
                    assert not tasks[-1].done(), tasks[-1].result().text
            await holder.rollback()
        return [task.result() for task in tasks]
