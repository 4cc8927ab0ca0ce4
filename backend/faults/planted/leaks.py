"""Bugs that nobody notices at once: something is taken and not given back."""

import os
from contextlib import AsyncExitStack

from starlette.types import ASGIApp, Receive, Scope, Send


class Leak:
    """Takes something with new deals."""

    def __init__(self, service: ASGIApp) -> None:
        self.taken = AsyncExitStack()
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._service(scope, receive, send)
        if scope["method"] == "POST":
            await self.take(scope)

    async def take(self, scope: Scope) -> None:
        raise NotImplementedError

    async def release(self) -> None:
        """Give everything back."""
        await self.taken.aclose()
        self.taken = AsyncExitStack()


class DescriptorsLeft(Leak):
    """Opens a folder with every new deal."""

    async def take(self, scope: Scope) -> None:
        taken = os.open(scope["app"].state.settings.init_cwd, os.O_RDONLY)
        self.taken.callback(os.close, taken)


class ConnectionKept(Leak):
    """Takes a connection out of the pool with the first new deal."""

    _has_taken = False

    async def take(self, scope: Scope) -> None:
        if not self._has_taken:
            self._has_taken = True
            await self.taken.enter_async_context(scope["app"].state.database.engine.connect())

    async def release(self) -> None:
        await super().release()
        self._has_taken = False
