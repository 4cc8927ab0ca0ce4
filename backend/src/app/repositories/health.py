"""Availability of the database and compatibility of its schema."""

from functools import lru_cache
from typing import TypedDict

import asyncpg
from sqlalchemy import column, select, table

from app.db.migrations import is_compatible
from app.db.statements import CompiledStatement, Executor


class _Revision(TypedDict):
    version_num: str


class HealthRepository:
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def is_migrated(self) -> bool:
        """Whether the schema is compatible. Raises `DATABASE_ERRORS` if the database is unavailable."""
        try:
            rows = await self._database.fetch_all(_revision_statement(), {})
        except asyncpg.UndefinedTableError:
            return False
        return bool(rows) and all(is_compatible(row["version_num"]) for row in rows)


@lru_cache
def _revision_statement() -> CompiledStatement[_Revision]:
    return CompiledStatement(select(column("version_num")).select_from(table("alembic_version")))
