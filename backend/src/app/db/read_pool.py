"""The pool of driver connections for reads, separate from the engine of the write sessions (ADR 8)."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Self

import asyncpg

from app.db.errors import ABANDONED_ERRORS, is_retryable, is_stale_statement
from app.db.statements import CompiledStatement, DriverConnection, R, fetch_rows

_CLOSE_TIMEOUT_SECONDS: Final = 1.0
_MAX_ATTEMPTS: Final = 3


class ReadPool:
    """Executes each statement in autocommit mode: one round trip, without BEGIN and ROLLBACK."""

    def __init__(self, pool: "asyncpg.Pool[Any]", *, max_size: int, acquire_timeout: float) -> None:
        self._pool = pool
        self._slots = asyncio.Semaphore(max_size)
        self._acquire_timeout = acquire_timeout

    @classmethod
    async def create(
        cls, connect_options: Mapping[str, Any], *, max_size: int, acquire_timeout: float, max_idle_seconds: float
    ) -> Self:
        """A pool that opens its first connection for its first statement.

        A statement waits `acquire_timeout` seconds for a free connection. Connections that are idle for
        `max_idle_seconds` are closed; 0 disables that.
        """
        pool = await asyncpg.create_pool(
            **connect_options,
            min_size=0,
            max_size=max_size,
            max_inactive_connection_lifetime=max_idle_seconds,
            init=_decode_json,
            reset=_keep_session_state,
        )
        return cls(pool, max_size=max_size, acquire_timeout=acquire_timeout)

    async def fetch_all(self, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        """All rows. A read has no effect, so it is repeated after a lost connection or a deadlock, at most twice.

        Raises TimeoutError if no connection is free in time, and one of DATABASE_ERRORS.
        """
        for _ in range(1, _MAX_ATTEMPTS):
            try:
                return await self._fetch(statement, values)
            except Exception as error:
                if not is_retryable(error):
                    raise
                if is_stale_statement(error):
                    await self._pool.expire_connections()
        return await self._fetch(statement, values)

    async def _fetch(self, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        async with self.connection() as connection:
            return await fetch_rows(connection, statement, values)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[DriverConnection]:
        """A connection in autocommit mode; one whose statement was abandoned is closed.

        Raises TimeoutError if none is free in time.
        """
        await self._acquire_slot()
        try:
            async with self._pool.acquire() as connection:
                try:
                    yield connection
                except ABANDONED_ERRORS:
                    connection.terminate()  # an orderly close would wait for a server that may not respond
                    raise
        finally:
            self._slots.release()

    async def _acquire_slot(self) -> None:
        # asyncpg's own timeout for `acquire` would include the time to connect, which has a limit of its own.
        if self._slots.locked():
            async with asyncio.timeout(self._acquire_timeout):
                await self._slots.acquire()
        else:
            await self._slots.acquire()

    async def close(self) -> None:
        """Close all connections, after a second even if the server does not respond."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT_SECONDS):
                await self._pool.close()
        self._pool.terminate()


async def _decode_json(connection: DriverConnection) -> None:
    """Return JSON as Python values, as the connections of the engine do; asyncpg's default is text."""
    await connection.set_type_codec("json", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _keep_session_state(_: DriverConnection) -> None:
    """Replaces asyncpg's reset, a round trip per statement: a single read leaves nothing to reset."""
