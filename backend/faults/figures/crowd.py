"""Many clients at once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import uvloop

Result = TypeVar("Result")


class Countdown:
    """How much is still to be done, by all together."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self) -> bool:
        """Whether there was one more to do; it is the caller's now."""
        self.left -= 1
        return self.left >= 0


async def together(players: int, play: Callable[[int], Awaitable[None]]) -> None:
    """Have so many players play, each told its number; the first that fails ends the others."""
    async with asyncio.TaskGroup() as group:
        for number in range(players):
            group.create_task(_playing(play, number))


async def _playing(play: Callable[[int], Awaitable[None]], number: int) -> None:
    await play(number)


def run(campaign: Coroutine[Any, Any, Result]) -> Result:
    """Run a campaign's clients, in the manner of production's event loop."""
    return uvloop.run(campaign)
