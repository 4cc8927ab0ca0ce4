"""The driver's connections, lent out of the engine's own pool and taken back only in good order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol

import asyncpg
from sqlalchemy import PoolProxiedConnection
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

CUT: Final = (
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection on which the server has said goodbye, and that is not closed yet
    ConnectionError,
)
"""How the driver says that the connection it was working on is gone."""

_GIVEN_UP: Final = (asyncio.CancelledError, TimeoutError, asyncpg.InternalClientError)


class Lender(Protocol):
    """Lends the driver's connections."""

    def connection(self) -> AbstractAsyncContextManager[Any]:
        """A connection for the length of a block."""
        ...


class Pool:
    """Lends those of an engine's pool."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """One that is in no transaction; it goes back only if it is in none again, and nobody waits for it.

        What nobody waits for any more, say after a timeout, is dropped without a word to the server: one that does not
        answer would not hear it.
        """
        connection = await self._take()
        driver: Any = connection.driver_connection
        try:
            yield driver
        except _GIVEN_UP:
            driver.terminate()
            raise
        finally:
            if driver.is_closed() or driver.is_in_transaction():
                await greenlet_spawn(connection.invalidate)
            await greenlet_spawn(connection.close)

    async def _take(self) -> PoolProxiedConnection:
        try:
            return await self._engine.raw_connection()
        except AsyncAdapt_asyncpg_dbapi.Error as error:
            raise error.__cause__ or error from None  # the driver's own, as everywhere else
