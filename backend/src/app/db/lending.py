"""The driver's connections, lent out of the engine's own pool and taken back only in good order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol

import asyncpg
from sqlalchemy import AdaptedConnection, PoolProxiedConnection, QueuePool, event
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

_CUT: Final = (
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection on which the server has said goodbye, and that is not closed yet
    ConnectionError,
)
_OUTDATED: Final = (
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
    asyncpg.InvalidSQLStatementNameError,  # somebody between us and the server has changed the session
    asyncpg.DuplicatePreparedStatementError,
)
_GIVEN_UP: Final = (asyncio.CancelledError, TimeoutError, asyncpg.InternalClientError)


def is_connection_lost(error: BaseException) -> bool:
    """Whether the connection that the driver was working on is gone; a value it can't encode is something else."""
    return isinstance(error, _CUT) and not isinstance(error, ValueError)


def is_stale_statement(error: BaseException) -> bool:
    """Whether what the connection has prepared is not what the server has: its tables changed, or its session."""
    return isinstance(error, _OUTDATED)


class Lender(Protocol):
    """Lends the driver's connections."""

    def connection(self) -> AbstractAsyncContextManager[Any]:
        """A connection for the length of a block."""
        ...


class Pool:
    """Lends those of an engine's pool, which resets nothing on return: what is lent comes back in no transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._is_outdated = False
        self._closing: set[asyncio.Task[None]] = set()
        event.listen(engine.sync_engine, "checkout", self._inspect)

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
        except _OUTDATED:
            self._is_outdated = True
            raise
        finally:
            self._take_back(connection, driver)

    async def _take(self) -> PoolProxiedConnection:
        try:
            return await self._engine.raw_connection()
        except AsyncAdapt_asyncpg_dbapi.Error as error:
            raise error.__cause__ or error from None  # the driver's own, as everywhere else

    def _inspect(self, connection: AdaptedConnection, *_: object) -> None:
        """Have the pool replace a connection that the driver knows to be gone; unlike a ping, this costs nothing."""
        if self._is_outdated:
            self._is_outdated = False
            raise InvalidatePoolError
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    def _take_back(self, connection: PoolProxiedConnection, driver: Any) -> None:  # noqa: ANN401  asyncpg has no types
        """Nobody waits for this: what was committed is answered, whatever becomes of the connection."""
        if driver.is_closed() or driver.is_in_transaction():
            driver.terminate()
            connection.invalidate()
        pool = self._engine.pool  # a new one once the engine has been disposed of
        assert isinstance(pool, QueuePool)  # noqa: S101  the default, for mypy
        if pool.checkedin() < pool.size():
            connection.close()
        else:  # one more than are kept: the pool says goodbye to the server
            closing = asyncio.create_task(greenlet_spawn(connection.close))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
