"""The pool of driver connections for reads, separate from the engine of the write sessions (ADR 8)."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg

from app.db.errors import (
    ABANDONED_ERRORS,
    ConnectTimeoutError,
    ReadPoolTimeoutError,
    is_retryable,
    is_stale_statement,
)
from app.db.statements import CompiledStatement, R, fetch_rows

_CLOSE_TIMEOUT_SECONDS: Final = 1.0
_MAX_ATTEMPTS: Final = 3


async def connect(**options: Any) -> "asyncpg.Connection[Any]":  # noqa: ANN401  asyncpg's
    """A new connection. Raises ConnectTimeoutError, and the other errors of asyncpg."""
    try:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(**options)
    except TimeoutError as error:
        raise ConnectTimeoutError from error
    return connection


class ReadPool:
    """Executes each statement in autocommit mode: one round trip, without BEGIN and ROLLBACK.

    A list of idle connections, the last one first. asyncpg's own pool resets each connection, which a single read does
    not need, and starts a task for each release: 65 µs of CPU for a small statement, against 35 µs here.
    """

    def __init__(
        self,
        connect_options: Mapping[str, Any],
        *,
        size: int,
        acquire_timeout: float,
        max_age: float | None,
    ) -> None:
        """Open up to `size` connections, each when it is first needed.

        A statement waits `acquire_timeout` seconds for a connection. One that is older than `max_age` seconds is
        replaced before its next use.
        """
        self._connect_options = connect_options
        self._slots = asyncio.Semaphore(size)
        self._acquire_timeout = acquire_timeout
        self._max_age = max_age
        self._idle: list[tuple[asyncpg.Connection[Any], float]] = []

    async def fetch_all(self, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        """All rows. A read has no effect, so it is repeated after a lost connection or a deadlock, at most twice.

        Raises ReadPoolTimeoutError if no connection is free in time, and one of DATABASE_ERRORS.
        """
        for _ in range(1, _MAX_ATTEMPTS):
            try:
                async with self.connection() as connection:
                    return await fetch_rows(connection, statement, values)
            except Exception as error:
                if not is_retryable(error):
                    raise
                if is_stale_statement(error):
                    self._terminate_idle()
        async with self.connection() as connection:
            return await fetch_rows(connection, statement, values)

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[asyncpg.Connection[Any]]":
        """A connection in autocommit mode; it is closed if its statement was abandoned.

        Raises ReadPoolTimeoutError if none is free in time.
        """
        await self._acquire_slot()
        try:
            connection, opened_at = self._pop_idle() or await self._open()
            try:
                yield connection
            except ABANDONED_ERRORS:
                connection.terminate()  # an orderly close would wait for a server that may not respond
                raise
            finally:
                self._release(connection, opened_at)
        finally:
            self._slots.release()

    async def _acquire_slot(self) -> None:
        if self._slots.locked():
            try:
                async with asyncio.timeout(self._acquire_timeout):
                    await self._slots.acquire()
            except TimeoutError:
                raise ReadPoolTimeoutError from None
        else:
            await self._slots.acquire()

    def _pop_idle(self) -> "tuple[asyncpg.Connection[Any], float] | None":
        while self._idle:
            connection, opened_at = self._idle.pop()
            if connection.is_closed():
                continue
            if self._max_age is None or asyncio.get_running_loop().time() - opened_at < self._max_age:
                return connection, opened_at
            connection.terminate()
        return None

    async def _open(self) -> "tuple[asyncpg.Connection[Any], float]":
        connection = await connect(**self._connect_options)
        try:
            # JSON as Python values, as on the connections of the engine; asyncpg's default is text.
            await connection.set_type_codec("json", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        except BaseException:
            connection.terminate()
            raise
        return connection, asyncio.get_running_loop().time()

    def _release(self, connection: "asyncpg.Connection[Any]", opened_at: float) -> None:
        if not connection.is_closed() and not connection.is_in_transaction():
            self._idle.append((connection, opened_at))
        else:
            connection.terminate()

    def _terminate_idle(self) -> None:
        while self._idle:
            self._idle.pop()[0].terminate()

    async def close(self) -> None:
        """Close the idle connections, after a second even if the server does not respond."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT_SECONDS):
                await asyncio.gather(*(connection.close() for connection, _ in self._idle))
        self._terminate_idle()
