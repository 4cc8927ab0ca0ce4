"""Statements that are compiled once and sent on the driver's connections (ADR 8)."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from sqlalchemy import ClauseElement, ColumnElement, Dialect, Integer, literal_column
from sqlalchemy.dialects.postgresql import asyncpg as sqlalchemy_asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

from app.db.lending import Lender, is_connection_lost
from app.logging import increment_query_count

R = TypeVar("R")
"""The type of a row: a TypedDict with a key for each column."""

Row = dict[str, Any]

_DIALECT: Final[Dialect] = sqlalchemy_asyncpg.dialect()  # type: ignore[no-untyped-call]  # it has no types


def literal_int(number: int) -> ColumnElement[int]:
    """A constant that is rendered into the statement instead of being bound as a parameter."""
    return literal_column(str(int(number)), Integer)


class CompiledStatement(Generic[R]):
    """A statement compiled once, executed with values for its bind parameters by name; its rows are of type `R`."""

    def __init__(self, statement: ClauseElement, *, prefix: str = "") -> None:
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)  # noqa: S101  for mypy: a statement has no other compiler
        self._statement = statement
        self.sql = prefix + str(compiled)
        self._constants = compiled.params
        self._names: Sequence[str] = compiled.positiontup or ()

    def bind(self, values: Mapping[str, object]) -> list[object]:
        """The positional arguments for the driver."""
        return [values[name] if name in values else self._constants[name] for name in self._names]

    @cached_property
    def explain(self) -> "CompiledStatement[dict[str, Any]]":
        """The statement that returns this one's plan as JSON."""
        return CompiledStatement(self._statement, prefix="EXPLAIN (FORMAT JSON) ")


class Executor(Protocol):
    """Executes compiled statements."""

    async def fetch_all(self, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        """All rows, as dictionaries."""
        ...


class AutocommitExecutor:
    """Sends each statement on a connection of its own, in no transaction: one round trip, no BEGIN and no ROLLBACK."""

    def __init__(self, lender: Lender) -> None:
        self._lender = lender

    async def fetch_all(self, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        """Replaces a lost connection once: to repeat a read has no effect."""
        try:
            return await self._fetch(statement, values)
        except Exception as error:
            if not is_connection_lost(error):
                raise
            return await self._fetch(statement, values)

    async def _fetch(self, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        async with self._lender.connection() as driver:
            return await fetch(driver, statement, values)


async def fetch(driver: Any, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:  # noqa: ANN401
    """All rows, on a connection that the caller has acquired."""
    increment_query_count()
    return [cast("R", dict(row)) for row in await driver.fetch(statement.sql, *statement.bind(values))]
