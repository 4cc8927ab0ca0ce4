"""Database access of the service: a pool for reads, and one session, transaction and commit for each write request."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Annotated, Any, Final, ParamSpec, TypeVar

import asyncpg
import structlog
from fastapi import Depends, Request
from sqlalchemy import AdaptedConnection, Connection, ExceptionContext, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from app.config import Settings
from app.db.errors import ABANDONED_ERRORS, get_driver_error, is_connection_lost, is_retryable, is_stale_statement
from app.db.read_pool import ReadPool, connect
from app.db.statements import Executor, get_driver_connection
from app.db.urls import asyncpg_arguments, get_connect_timeout
from app.errors import OutcomeUnknownError
from app.observability.episodes import DATABASE_OUTAGE
from app.observability.requests import end_statement, set_cause, start_statement

P = ParamSpec("P")
T = TypeVar("T")


_CLIENT_CHECK_INTERVAL_SECONDS: Final = 0.5
"""How often the server checks that the client of a running statement is still connected."""
_DRIVER_MARGIN_SECONDS: Final = 0.1
"""How much later than the server the driver gives up, so that the server can end the statement itself."""
_IDLE_TIMEOUT_SECONDS: Final = 300
_CLOSE_TIMEOUT_SECONDS: Final = 1.0
_MAX_ATTEMPTS: Final = 3
_BASE_DELAY_SECONDS: Final = 0.02
_STATEMENT_STARTED: Final = "statement_started"
_OUTCOME_UNKNOWN: Final = "commit_outcome_unknown"

_log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger("database")


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
        """Prepare both pools, which open connections when they are needed.

        Neither closes a connection under load: opening one costs more than a hundred reads. The server closes those
        that have been idle for `_IDLE_TIMEOUT_SECONDS`.
        """
        options = _get_connect_options(url, settings)
        size = settings.database_pool_size + settings.database_pool_max_overflow
        read_pool = ReadPool(
            options,
            size=size,
            acquire_timeout=settings.database_pool_timeout,
            max_age=None if settings.database_pool_recycle < 0 else settings.database_pool_recycle,
        )
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=partial(connect, **options),
            pool_size=size,
            max_overflow=0,
            pool_use_lifo=True,  # so that unneeded connections stay idle
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
    """asyncpg's arguments: the server gets the timeouts too, so that it releases abandoned locks."""
    server_timeouts = {
        "statement_timeout": settings.database_statement_timeout,
        "lock_timeout": settings.database_lock_timeout,
        "idle_in_transaction_session_timeout": settings.database_idle_in_transaction_timeout,
        "idle_session_timeout": _IDLE_TIMEOUT_SECONDS,
        "client_connection_check_interval": _CLIENT_CHECK_INTERVAL_SECONDS,
    }
    arguments = asyncpg_arguments(url)
    timeouts = {name: f"{round(seconds * 1000)}ms" for name, seconds in server_timeouts.items()}
    return {
        **arguments,
        "timeout": get_connect_timeout(url) or settings.database_connect_timeout,
        "command_timeout": settings.database_statement_timeout + _DRIVER_MARGIN_SECONDS,
        "server_settings": arguments["server_settings"] | timeouts,
    }


def _add_engine_events(engine: AsyncEngine) -> None:
    event.listen(engine.sync_engine, "before_cursor_execute", _start_statement)
    event.listen(engine.sync_engine, "after_cursor_execute", _end_statement)
    event.listen(engine.sync_engine, "handle_error", _end_failed_statement)
    event.listen(engine.sync_engine, "handle_error", _invalidate_stale_statements)
    event.listen(engine.sync_engine, "checkout", _replace_closed_connection)
    event.listen(engine.sync_engine, "invalidate", _terminate_connection)
    event.listen(engine.sync_engine, "close", _terminate_connection)


def _start_statement(connection: Connection, *_: object) -> None:
    connection.info[_STATEMENT_STARTED] = start_statement()


def _end_statement(connection: Connection, _cursor: object, sql: str, *_: object) -> None:
    end_statement(sql, connection.info.pop(_STATEMENT_STARTED))
    DATABASE_OUTAGE.end()


def _end_failed_statement(context: ExceptionContext) -> None:
    connection, sql = context.connection, context.statement
    if connection is not None and sql is not None and _STATEMENT_STARTED in connection.info:
        end_statement(sql, connection.info.pop(_STATEMENT_STARTED))


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


@asynccontextmanager
async def transaction(
    sessions: async_sessionmaker[AsyncSession], *, deadline: float | None = None
) -> AsyncIterator[AsyncSession]:
    """A session whose transaction is committed at the end of the block, and rolled back if an exception leaves it.

    The connection is acquired on the first statement, so a request that is rejected earlier uses none.
    Raises OutcomeUnknownError if the connection is lost during the commit, or if it has not ended at `deadline`,
    in the event loop's time.
    """
    session = sessions()
    try:
        yield session
        if session.in_transaction():
            await _commit(session, deadline=deadline)
    except BaseException as error:
        if isinstance(error, ABANDONED_ERRORS) or is_connection_lost(error):
            await session.invalidate()  # a rollback would wait for a server that may not respond
        raise
    finally:
        await _close(session, deadline=deadline)


async def run_in_transaction(
    session: AsyncSession, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Await `work`, which is all that the session's transaction does, and return its result.

    After a deadlock, a serialization failure, a lost connection or a stale prepared statement the transaction is
    rolled back and `work` is repeated, in at most 3 attempts with random delays of up to 40 and 80 ms. `work` must have
    no effect outside the transaction. (A loop, since a retry library adds as much code and 30 µs to each write.)
    """
    for attempt in range(1, _MAX_ATTEMPTS):
        try:
            return await work(*args, **kwargs)
        except Exception as error:
            if not is_retryable(error):
                raise
            if is_connection_lost(error):
                await session.invalidate()  # of a compiled read, whose errors SQLAlchemy does not see
        await session.rollback()
        await asyncio.sleep(random.uniform(0, _BASE_DELAY_SECONDS * 2**attempt))  # noqa: S311  not a secret
    return await work(*args, **kwargs)


async def _commit(session: AsyncSession, *, deadline: float | None) -> None:
    connection = await get_driver_connection(session)
    if connection.is_closed():  # nothing was committed, so the client may repeat the request
        raise asyncpg.ConnectionDoesNotExistError
    try:
        async with asyncio.timeout_at(deadline):
            await session.commit()
    except BaseException as error:
        if _was_rejected_by_server(error):
            raise
        connection.terminate()
        _log.error(_OUTCOME_UNKNOWN, error=type(get_driver_error(error)).__name__)
        set_cause(_OUTCOME_UNKNOWN)
        raise OutcomeUnknownError from error


async def _close(session: AsyncSession, *, deadline: float | None) -> None:
    try:
        async with asyncio.timeout_at(deadline):
            await session.close()
    except TimeoutError:
        await session.invalidate()


def _was_rejected_by_server(error: BaseException) -> bool:
    """Whether the server reported that it did not commit; a shutdown may be reported after a commit that succeeded."""
    driver_error = get_driver_error(error)
    if not isinstance(driver_error, asyncpg.PostgresError):
        return False
    return not (driver_error.sqlstate or "").startswith(("08", "40003", "57P"))


def get_database(request: Request) -> Database:
    """The application's database, as its lifespan connected it."""
    database: Database = request.app.state.database
    return database


async def get_db(request: Request) -> AsyncIterator[AsyncSession]:
    """One request, one transaction: committed when the endpoint returns, before the response is sent."""
    async with transaction(get_database(request).sessions, deadline=request.state.deadline) as session:
        yield session


DB = Annotated[AsyncSession, Depends(get_db, scope="function")]
