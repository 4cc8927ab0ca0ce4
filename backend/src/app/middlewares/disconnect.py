"""No work for clients that are gone."""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_SLOW_SECONDS: Final = 0.1
"""Most reads end sooner, and cost no more than a timer."""


class CancelOnDisconnectMiddleware:
    """Give up a read whose client hangs up, and with it the database connection that it holds.

    Looked at only when the read is a slow one. A write goes on: its client may want to know what became of it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        watch = _Watch(receive)
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            if not watch.has_hung_up:
                raise
            watch.reader.uncancel()
        finally:
            watch.end()


class _Watch:
    """Cancels the task that made it when the client is gone."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  for mypy: the caller is a coroutine
        self.reader = task
        self.has_hung_up = False
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_SLOW_SECONDS, self._begin)

    def end(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        message = await self._receive()
        while message.get("more_body", False):
            message = await self._receive()
        if message["type"] == "http.request":  # its body is whole: what comes next is the end of the connection
            message = await self._receive()
        if message["type"] == "http.disconnect":
            self.has_hung_up = True
            self.reader.cancel()
