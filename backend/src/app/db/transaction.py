"""Transactions of write sessions: committed once, at their end, and repeated when that is safe (ADR 2, ADR 10)."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, ParamSpec, TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.db.errors import ABANDONED_ERRORS, get_driver_error, is_connection_lost, is_retryable
from app.db.statements import get_driver_connection
from app.errors import OutcomeUnknownError

_MAX_ATTEMPTS: Final = 3
_BASE_DELAY_SECONDS: Final = 0.02

P = ParamSpec("P")
T = TypeVar("T")


@asynccontextmanager
async def transaction(
    sessions: async_sessionmaker[AsyncSession], *, deadline: float | None = None
) -> AsyncIterator[AsyncSession]:
    """A session whose transaction is committed at the end of the block, and rolled back if an exception leaves it.

    The transaction and its connection are taken by the first statement: a request that is rejected before needs none.
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
        await session.close()


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
        raise OutcomeUnknownError from error


def _was_rejected_by_server(error: BaseException) -> bool:
    """Whether the server reported that it did not commit; a shutdown may be reported after a commit that succeeded."""
    driver_error = get_driver_error(error)
    if not isinstance(driver_error, asyncpg.PostgresError):
        return False
    return not (driver_error.sqlstate or "").startswith(("08", "40003", "57P"))
