"""Reading without entities: statements compiled once, asked on the driver's connection of the engine's own pool.

What SQLAlchemy spends on executing a statement it has compiled before (cache key, result, rows) is more than the
driver spends on all of it; ADR 8 has the measurements.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Protocol

import asyncpg
from sqlalchemy import ColumnElement, Dialect, Integer, Select, literal_column
from sqlalchemy.dialects.postgresql import asyncpg as sqlalchemy_asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.util import greenlet_spawn

from app.logging import count_query

Row = dict[str, Any]
"""By column."""

_DIALECT: Final[Dialect] = sqlalchemy_asyncpg.dialect()  # type: ignore[no-untyped-call]  # it has no types
_CUT: Final = (asyncpg.ConnectionDoesNotExistError, asyncpg.InterfaceError, ConnectionError)


def constant(number: int) -> ColumnElement[int]:
    """A number of ours that is part of a statement, and not a parameter of it."""
    return literal_column(str(int(number)), Integer)


class Question:
    """A statement compiled once, for values that are given by the names of its bind parameters."""

    def __init__(self, statement: Select[*tuple[Any, ...]], *, prefix: str = "") -> None:
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
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


class Reader(Protocol):
    """Asks questions."""

    async def rows(self, question: Question, values: Mapping[str, object]) -> list[Row]:
        """All rows of the answer."""
        ...


class PoolReader:
    """Asks each question on a connection of the pool, in no transaction: one round trip, no BEGIN and no ROLLBACK."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def rows(self, question: Question, values: Mapping[str, object]) -> list[Row]:
        """A connection that turns out to have been cut is replaced once: nothing is lost by asking again."""
        try:
            return await self._ask(question, values)
        except _CUT:
            return await self._ask(question, values)

    async def _ask(self, question: Question, values: Mapping[str, object]) -> list[Row]:
        connection = await self._engine.raw_connection()
        try:
            return await _fetch(connection.driver_connection, question, values)
        except _CUT:
            await greenlet_spawn(connection.invalidate)
            raise
        finally:
            await greenlet_spawn(connection.close)


class TransactionReader:
    """Asks within the transaction of a session or connection, which must have begun: what it wrote is seen."""

    def __init__(self, transaction: AsyncSession | AsyncConnection) -> None:
        self._transaction = transaction

    async def rows(self, question: Question, values: Mapping[str, object]) -> list[Row]:
        held = self._transaction
        connection = held if isinstance(held, AsyncConnection) else await held.connection()
        raw = await connection.get_raw_connection()
        return await _fetch(raw.driver_connection, question, values)


async def _fetch(driver: Any, question: Question, values: Mapping[str, object]) -> list[Row]:  # noqa: ANN401  asyncpg has no types
    count_query()
    return [dict(row) for row in await driver.fetch(question.sql, *question.arguments(values))]
