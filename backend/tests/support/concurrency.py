"""Requests that meet at the same row at the same moment, every time."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from httpx import Response
from sqlalchemy import text

from tests.support.service import Service

_HELD_UP: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)

Request = Coroutine[Any, Any, Response]


async def queued(service: Service, *requests: Request, behind: str, **values: Any) -> list[Response]:
    """The answers to requests that all wait, in their order, for the locks of the statement `behind` to be let go.

    The statement is rolled back. A request that does not have to wait fails the test.
    """
    engine = service.database.engine
    async with engine.connect() as holder, engine.execution_options(isolation_level="AUTOCOMMIT").connect() as observer:
        await holder.execute(text(behind), values)
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[Response]] = []
            for request in requests:
                tasks.append(group.create_task(request))
                while await observer.scalar(_HELD_UP) < len(tasks):
                    assert not tasks[-1].done(), tasks[-1].result().text
            await holder.rollback()
        return [task.result() for task in tasks]
