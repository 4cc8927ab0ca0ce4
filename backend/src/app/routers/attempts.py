"""A request tried again where that changes nothing for the client, and given up in time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

from fastapi import Request, Response

from app.db.violations import may_be_tried_again

_TRIES: Final = 3
_FIRST_PAUSE_SECONDS: Final = 0.02

Handle = Callable[[Request], Awaitable[Response]]


async def attempt(handle: Handle, request: Request, *, seconds: float) -> Response:
    """The answer of `handle`, committed. Raises TimeoutError unless it is there within `seconds`.

    Whatever a try has written is undone before the next one: it ends with the transaction of its dependencies.
    """
    async with asyncio.timeout(seconds):
        for number in range(1, _TRIES):
            try:
                return await _once(handle, request)
            except Exception as error:
                if not may_be_tried_again(error):
                    raise
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
