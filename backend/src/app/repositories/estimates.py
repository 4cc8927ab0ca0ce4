"""What PostgreSQL's planner thinks of a statement, without running it."""

from typing import Any

from sqlalchemy import ClauseElement, Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import Executable


class _Explain(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explain)
def _explain(element: _Explain, compiler: SQLCompiler, **options: object) -> str:
    return "EXPLAIN (FORMAT JSON) " + compiler.process(element.statement, **options)


async def estimated_rows(session: AsyncSession, statement: Select[Any]) -> int:
    """How many rows the planner expects of `statement`, from the table's statistics."""
    plan = (await session.execute(_Explain(statement))).scalar_one()
    return int(plan[0]["Plan"]["Plan Rows"])
