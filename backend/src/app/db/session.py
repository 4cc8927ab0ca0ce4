"""Database access of the service: a pool for reads, and one session, transaction and commit for each write request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Final

import asyncpg
from fastapi import Depends, Request
from sqlalchemy import AdaptedConnection, ExceptionContext, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from app.config import Settings
from app.db.errors import is_stale_statement
from app.db.read_pool import ReadPool
from app.db.statements import Executor
from app.db.transaction import transaction
from app.db.urls import async_url, libpq_url
from app.logging import increment_query_count

_CLIENT_CHECK_INTERVAL_SECONDS: Final = 0.5
"""How often the server checks that the client of a running statement is still connected."""
_DRIVER_MARGIN_SECONDS: Final = 0.1
"""How much later than the server the driver gives up, so that the server can end the statement itself."""
_CLOSE_TIMEOUT_SECONDS: Final = 1.0


class Database:
    """One database: `reads` executes single statements outside transactions, `sessions` makes sessions for writes."""

    def __init__(self, *, reads: Executor, sessions: async_sessionmaker[AsyncSession]) -> None:
        self.reads = reads
        self.sessions = sessions
        self.cursor_key: bytes | None = None


class ConnectedDatabase(Database):
    """A database with a read pool and an engine of its own; `close` releases both."""

    def __init__(self, read_pool: ReadPool, engine: AsyncEngine) -> None:
        super().__init__(reads=read_pool, sessions=async_sessionmaker(engine, expire_on_commit=False))
        self.engine = engine
        self.read_pool = read_pool

    @classmethod
    def connect(cls, url: str, settings: Settings) -> "ConnectedDatabase":
        """Prepare both pools; each opens its first connection for its first statement."""
        options = _get_connect_options(url, settings)
        read_pool = ReadPool(
            options,
            size=settings.database_pool_size,
            max_overflow=settings.database_pool_max_overflow,
            acquire_timeout=settings.database_pool_timeout,
            max_age=None if settings.database_pool_recycle < 0 else settings.database_pool_recycle,
        )
        engine = create_async_engine(
            async_url(url),
            async_creator=partial(asyncpg.connect, **options),
            pool_size=settings.database_pool_size,
            max_overflow=settings.database_pool_max_overflow,
            pool_timeout=settings.database_pool_timeout,
            pool_recycle=settings.database_pool_recycle,
            pool_pre_ping=settings.database_pool_pre_ping,
        )
        _add_engine_events(engine)
        return cls(read_pool, engine)

    async def close(self) -> None:
        """Close all connections, after a second even if the server does not respond."""
        await self.read_pool.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT_SECONDS):
                await self.engine.dispose()


def _get_connect_options(url: str, settings: Settings) -> dict[str, Any]:
    """asyncpg's arguments: the same timeouts for the driver and the server, which so releases abandoned locks."""
    server_timeouts = {
        "statement_timeout": settings.database_statement_timeout,
        "lock_timeout": settings.database_lock_timeout,
        "idle_in_transaction_session_timeout": settings.database_idle_in_transaction_timeout,
        "client_connection_check_interval": _CLIENT_CHECK_INTERVAL_SECONDS,
    }
    return {
        "dsn": libpq_url(url),
        "timeout": settings.database_connect_timeout,
        "command_timeout": settings.database_statement_timeout + _DRIVER_MARGIN_SECONDS,
        "server_settings": {name: f"{round(seconds * 1000)}ms" for name, seconds in server_timeouts.items()},
    }


def _add_engine_events(engine: AsyncEngine) -> None:
    event.listen(engine.sync_engine, "before_cursor_execute", _count_statement)
    event.listen(engine.sync_engine, "handle_error", _invalidate_stale_statements)
    event.listen(engine.sync_engine, "checkout", _replace_closed_connection)
    event.listen(engine.sync_engine, "invalidate", _terminate_connection)
    event.listen(engine.sync_engine, "close", _terminate_connection)


def _count_statement(*_: object) -> None:
    increment_query_count()


def _invalidate_stale_statements(context: ExceptionContext) -> None:
    """Have the pool replace all connections after an error that concerns their prepared statements."""
    if is_stale_statement(context.sqlalchemy_exception or context.original_exception):
        context.is_disconnect = True


def _replace_closed_connection(connection: AdaptedConnection, *_: object) -> None:
    """Have the pool replace a connection that the driver knows to be closed; unlike a ping, this costs nothing."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _terminate_connection(connection: AdaptedConnection, *_: object) -> None:
    """Close the socket at once: a response does not wait for the orderly close of a connection."""
    connection.driver_connection.terminate()


def get_database(request: Request) -> Database:
    """The application's database, as its lifespan connected it."""
    database: Database = request.app.state.database
    return database


async def get_db(request: Request) -> AsyncIterator[AsyncSession]:
    """One request, one transaction: committed when the endpoint returns, before the response is sent."""
    async with transaction(get_database(request).sessions, deadline=request.state.deadline) as session:
        yield session


DB = Annotated[AsyncSession, Depends(get_db, scope="function")]
