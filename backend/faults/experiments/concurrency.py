"""Run several clients concurrently."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Quota:
    """A number of operations shared by all clients."""

    def __init__(self, size: int) -> None:
        self.remaining = size

    def take(self) -> bool:
        """Take one operation; False if none remains."""
        self.remaining -= 1
        return self.remaining >= 0


async def run_clients(count: int, client: Callable[[int], Coroutine[Any, Any, None]]) -> None:
    """Run `client(0)` to `client(count - 1)`; the first exception cancels the others."""
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(client(number))
