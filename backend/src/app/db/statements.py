"""Statements that are compiled once and executed on the driver's connections (ADR 8)."""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from asyncpg import Connection
from sqlalchemy import ClauseElement, ColumnElement, Dialect, Integer, literal_column
from sqlalchemy.dialects.postgresql import asyncpg as sqlalchemy_asyncpg
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.compiler import SQLCompiler

from app.observability.episodes import DATABASE_OUTAGE
from app.observability.requests import end_statement, start_statement

R = TypeVar("R")
"""The type of a row: a TypedDict with a key for each column."""


_DIALECT: Final[Dialect] = sqlalchemy_asyncpg.dialect()  # type: ignore[no-untyped-call]  # it has no types


def literal_int(number: int) -> ColumnElement[int]:
    """A constant that is rendered into the statement instead of being bound as a parameter."""
    return literal_column(str(int(number)), Integer)


class CompiledStatement(Generic[R]):
    """A statement compiled once, executed with values for its bind parameters by name; its rows are of type `R`."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)  # noqa: S101  for mypy: a statement has no other compiler
        self.sql = str(compiled)
        self._constants = compiled.params
        self._names: Sequence[str] = compiled.positiontup or ()

    def bind(self, values: Mapping[str, object]) -> list[object]:
        """The positional arguments for the driver."""
        return [values[name] if name in values else self._constants[name] for name in self._names]

    @cached_property
    def explain(self) -> "CompiledStatement[dict[str, Any]]":
        """The statement that returns this one's plan as JSON."""
        explained = cast("CompiledStatement[dict[str, Any]]", copy(self))
        explained.sql = f"EXPLAIN (FORMAT JSON) {self.sql}"
        return explained


class Executor(Protocol):
    """Executes compiled reads."""

    async def fetch_all(self, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        """All rows, as dictionaries."""
        ...


class SessionExecutor:
    """Executes compiled reads within the transaction of a session, so that they see what it has flushed."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def fetch_all(self, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        """All rows, as dictionaries."""
        return await fetch_rows(await get_driver_connection(self._session), statement, values)


async def fetch_rows(
    connection: "Connection[Any]", statement: CompiledStatement[R], values: Mapping[str, object]
) -> list[R]:
    """Execute a statement on a connection that the caller has acquired; all rows, as dictionaries."""
    started = start_statement()
    try:
        rows = await connection.fetch(statement.sql, *statement.bind(values))
    finally:
        end_statement(statement.sql, started)
    DATABASE_OUTAGE.end()
    return [cast("R", dict(row)) for row in rows]


async def get_driver_connection(session: AsyncSession) -> "Connection[Any]":
    """asyncpg's connection of a session's transaction, acquired if the session has none yet."""
    connection = (await session.connection()).sync_connection
    assert connection is not None  # noqa: S101  for mypy: the connection has been acquired
    return cast("Connection[Any]", connection.connection.driver_connection)
