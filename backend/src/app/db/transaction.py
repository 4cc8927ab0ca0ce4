"""The one way to write: a transaction that begins with its first statement and is committed once, at its end."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

import asyncpg

from app.db.lending import Lender
from app.db.statements import CompiledStatement, R, fetch
from app.errors import OutcomeUnknownError


class Transaction:
    """Sends statements one after the other, within one transaction, on a connection that it takes with the first.

    A request that is refused before it asks the database anything needs no connection.
    """

    def __init__(self, lender: Lender, stack: AsyncExitStack) -> None:
        self._lender = lender
        self._stack = stack
        self._driver: Any = None

    @classmethod
    @asynccontextmanager
    async def on(cls, lender: Lender) -> AsyncIterator[Self]:
        """A new one: committed at the end of the block, rolled back if an exception leaves it.

        Raises OutcomeUnknownError if the connection is lost, or time runs out, while the commit is under way.
        """
        async with AsyncExitStack() as stack:
            yield cls(lender, stack)

    async def fetch_all(self, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        """What the transaction has written before is seen."""
        if self._driver is None:
            driver = await self._stack.enter_async_context(self._lender.connection())
            await self._stack.enter_async_context(_begun(driver))
            self._driver = driver
        return await fetch(self._driver, statement, values)


@asynccontextmanager
async def _begun(driver: Any) -> AsyncIterator[None]:  # noqa: ANN401  asyncpg has no types
    transaction = driver.transaction()
    await transaction.start()
    try:
        yield
    except (asyncio.CancelledError, TimeoutError):
        raise  # whoever lent the connection drops it, and with it the transaction
    except BaseException:
        if not driver.is_closed():
            await transaction.rollback()
        raise
    await _commit(driver, transaction)


async def _commit(driver: Any, transaction: Any) -> None:  # noqa: ANN401  asyncpg has no types
    if driver.is_closed():  # nothing can have been committed, so another try is safe
        raise asyncpg.ConnectionDoesNotExistError
    try:
        await transaction.commit()
    except BaseException as error:
        if _is_refusal(error):
            raise
        driver.terminate()
        raise OutcomeUnknownError from error


def _is_refusal(error: BaseException) -> bool:
    """Whether the server said no to a commit; that it is going down it may also say of one that is done."""
    return isinstance(error, asyncpg.PostgresError) and not error.sqlstate.startswith(("08", "40003", "57P"))
