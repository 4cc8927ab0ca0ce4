"""A request's work tried again where that changes nothing for the client, and given up in time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final, TypeVar

from fastapi import Request, Response

from app.db.errors import is_retryable

_TRIES: Final = 3
_FIRST_PAUSE_SECONDS: Final = 0.02

T = TypeVar("T")
Handle = Callable[[Request], Awaitable[Response]]


class Attempts:
    """For the pieces of one request's work: each is tried, and all of them together may take `seconds`.

    What passes between two pieces does not count.
    """

    def __init__(self, *, seconds: float) -> None:
        self._left = seconds

    async def at(self, work: Callable[[], Awaitable[T]]) -> T:
        """What the work comes to. Raises TimeoutError unless it is there in time.

        Whatever a try has done must be undone when it ends with an exception.
        """
        clock = asyncio.get_running_loop().time
        started = clock()
        async with asyncio.timeout(self._left):
            done = await _tried(work)
        self._left -= clock() - started
        return done


async def _tried(work: Callable[[], Awaitable[T]]) -> T:
    for number in range(1, _TRIES):
        try:
            return await work()
        except Exception as error:
            if not is_retryable(error):
                raise
            await asyncio.sleep(random.uniform(0, _FIRST_PAUSE_SECONDS * 2**number))  # noqa: S311  not a secret
    return await work()


async def answer(handle: Handle, request: Request) -> Response:
    """What `handle` answers, committed; what it has written is undone if it raises."""
    # Where FastAPI keeps the dependencies of function scope; its own stack would outlive the tries.
    async with AsyncExitStack() as stack:
        request.scope["fastapi_function_astack"] = stack
        response = await handle(request)
        if (once := getattr(request.state, "once", None)) is not None:
            await once.keep(
                status=response.status_code, location=response.headers.get("location"), body=bytes(response.body)
            )
        return response
