"""Cancel reads of clients that have disconnected."""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_WATCH_DELAY_SECONDS: Final = 0.1
"""Most reads end earlier, and cost no more than a timer."""


class CancelOnDisconnectMiddleware:
    """Cancel a GET when its client disconnects, which releases its database connection.

    Writes are never cancelled: the client may want to know their outcome.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        watcher = _DisconnectWatcher(receive)
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            if not watcher.has_disconnected:
                raise
            watcher.request_task.uncancel()
        finally:
            watcher.stop()


class _DisconnectWatcher:
    """Cancels the task that created it when the client disconnects, once the request has run for a while."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  for mypy: the caller is a coroutine
        self.request_task = task
        self.has_disconnected = False
        self._watch_task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_WATCH_DELAY_SECONDS, self._start)

    def stop(self) -> None:
        self._timer.cancel()
        if self._watch_task is not None:
            self._watch_task.cancel()

    def _start(self) -> None:
        self._watch_task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        message = await self._receive()
        while message.get("more_body", False):
            message = await self._receive()
        if message["type"] == "http.request":  # the body is complete: the next message is the disconnect
            message = await self._receive()
        if message["type"] == "http.disconnect":
            self.has_disconnected = True
            self.request_task.cancel()
