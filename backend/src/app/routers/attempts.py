"""A request tried again where that changes nothing for the client, and given up in time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

from fastapi import Request, Response

from app.db.violations import REPEATABLE

_TRIES: Final = 3
_FIRST_PAUSE_SECONDS: Final = 0.02

Handle = Callable[[Request], Awaitable[Response]]


def in_time(request: Request) -> asyncio.Timeout:
    """A block that is left by TimeoutError once the request has taken too long."""
    return asyncio.timeout(request.app.state.settings.request_timeout)


async def attempt(handle: Handle, request: Request) -> Response:
    """The answer of `handle`, committed. Raises TimeoutError once the request has taken too long.

    Whatever a try has written is undone before the next one: it ends with the transaction of its dependencies.
    """
    async with in_time(request):
        for number in range(1, _TRIES):
            try:
                return await _once(handle, request)
            except REPEATABLE:
                await asyncio.sleep(random.uniform(0, _FIRST_PAUSE_SECONDS * 2**number))  # noqa: S311  not a secret
        return await _once(handle, request)


async def _once(handle: Handle, request: Request) -> Response:
    # Where FastAPI keeps the dependencies of function scope; its own stack would outlive the tries.
    async with AsyncExitStack() as stack:
        request.scope["fastapi_function_astack"] = stack
        response = await handle(request)
        if (once := getattr(request.state, "once", None)) is not None:
            await once.keep(
                status=response.status_code, location=response.headers.get("location"), body=bytes(response.body)
            )
        return response
