"""The state of the database: whether it responds, and the revision of its schema."""

from functools import lru_cache
from typing import TypedDict

import asyncpg
from sqlalchemy import column, select, table

from app.db.migrations import is_compatible
from app.db.statements import CompiledStatement, Executor


class _RevisionRow(TypedDict):
    version_num: str


class HealthRepository:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def is_migrated(self) -> bool:
        """Whether this version works with the schema. Raises one of DATABASE_ERRORS."""
        try:
            rows = await self._executor.fetch_all(_revision_statement(), {})
        except asyncpg.UndefinedTableError:
            return False
        return bool(rows) and all(is_compatible(row["version_num"]) for row in rows)


@lru_cache
def _revision_statement() -> CompiledStatement[_RevisionRow]:
    return CompiledStatement(select(column("version_num")).select_from(table("alembic_version")))
