"""Statements compiled once, and sent on the driver's connections of the engine's own pool.

What SQLAlchemy spends on executing a statement it has compiled before (cache key, result, rows) is more than the
driver spends on all of it; ADR 8 has the measurements.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from typing import Any, Final, Protocol

import asyncpg
from sqlalchemy import ClauseElement, ColumnElement, Dialect, Integer, literal_column
from sqlalchemy.dialects.postgresql import asyncpg as sqlalchemy_asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import greenlet_spawn

from app.logging import count_query

Row = dict[str, Any]
"""By column."""

_DIALECT: Final[Dialect] = sqlalchemy_asyncpg.dialect()  # type: ignore[no-untyped-call]  # it has no types
_CUT: Final = (
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InterfaceError,
    ConnectionError,
)


def constant(number: int) -> ColumnElement[int]:
    """A number of ours that is part of a statement, and not a parameter of it."""
    return literal_column(str(int(number)), Integer)


class Question:
    """A statement compiled once, for values that are given by the names of its bind parameters."""

    def __init__(self, statement: ClauseElement, *, prefix: str = "") -> None:
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)  # noqa: S101  that of statements, for mypy
        self._statement = statement
        self.sql = prefix + str(compiled)
        self._fixed = compiled.params
        self._names: Sequence[str] = compiled.positiontup or ()

    def arguments(self, values: Mapping[str, object]) -> list[object]:
        """The driver's arguments, in its order."""
        return [values[name] if name in values else self._fixed[name] for name in self._names]

    @cached_property
    def explained(self) -> "Question":
        """The question for this one's plan."""
        return Question(self._statement, prefix="EXPLAIN (FORMAT JSON) ")


class Asks(Protocol):
    """Where statements are sent to."""

    async def rows(self, question: Question, values: Mapping[str, object]) -> list[Row]:
        """All rows of the answer."""
        ...


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
        """One that is in no transaction; it goes back only if it is in none again."""
        connection = await self._engine.raw_connection()
        driver: Any = connection.driver_connection
        try:
            yield driver
        finally:
            if driver.is_closed() or driver.is_in_transaction():
                await greenlet_spawn(connection.invalidate)
            await greenlet_spawn(connection.close)


class Reader:
    """Sends each statement on a connection of its own, in no transaction: one round trip, no BEGIN and no ROLLBACK."""

    def __init__(self, lender: Lender) -> None:
        self._lender = lender

    async def rows(self, question: Question, values: Mapping[str, object]) -> list[Row]:
        """A connection that turns out to have been cut is replaced once: to ask again changes nothing."""
        try:
            return await self._ask(question, values)
        except _CUT:
            return await self._ask(question, values)

    async def _ask(self, question: Question, values: Mapping[str, object]) -> list[Row]:
        async with self._lender.connection() as driver:
            return await Transaction(driver).rows(question, values)


class Transaction:
    """Sends statements one after the other on a connection, within the transaction that it is in."""

    def __init__(self, driver: Any) -> None:  # noqa: ANN401  asyncpg has no types
        self._driver = driver

    @classmethod
    @asynccontextmanager
    async def on(cls, lender: Lender) -> AsyncIterator["Transaction"]:
        """A new one: committed at the end of the block, rolled back if an exception leaves it."""
        async with lender.connection() as driver, driver.transaction():
            yield cls(driver)

    async def rows(self, question: Question, values: Mapping[str, object]) -> list[Row]:
        """What the transaction has written before is seen."""
        count_query()
        return [dict(row) for row in await self._driver.fetch(question.sql, *question.arguments(values))]
