"""Statements compiled once, and questions that are one statement each, sent on the driver's connections.

What SQLAlchemy spends on executing a statement it has compiled before (cache key, result, rows) is more than the
driver spends on all of it; ADR 8 has the measurements.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Protocol

from sqlalchemy import ClauseElement, ColumnElement, Dialect, Integer, literal_column
from sqlalchemy.dialects.postgresql import asyncpg as sqlalchemy_asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

from app.db.lending import Lender, is_cut
from app.logging import count_query

Row = dict[str, Any]
"""By column."""

_DIALECT: Final[Dialect] = sqlalchemy_asyncpg.dialect()  # type: ignore[no-untyped-call]  # it has no types


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


class Reader:
    """Sends each statement on a connection of its own, in no transaction: one round trip, no BEGIN and no ROLLBACK."""

    def __init__(self, lender: Lender) -> None:
        self._lender = lender

    async def rows(self, question: Question, values: Mapping[str, object]) -> list[Row]:
        """A connection that turns out to have been cut is replaced once: to ask again changes nothing."""
        try:
            return await self._ask(question, values)
        except Exception as error:
            if not is_cut(error):
                raise
            return await self._ask(question, values)

    async def _ask(self, question: Question, values: Mapping[str, object]) -> list[Row]:
        async with self._lender.connection() as driver:
            return await fetch(driver, question, values)


async def fetch(driver: Any, question: Question, values: Mapping[str, object]) -> list[Row]:  # noqa: ANN401  asyncpg has no types
    """The answer on a connection that the caller holds."""
    count_query()
    return [dict(row) for row in await driver.fetch(question.sql, *question.arguments(values))]
