"""Whether the database answers, and at which revision it stands."""

from functools import lru_cache

import asyncpg
from sqlalchemy import column, select, table

from app.db.migrations import is_compatible
from app.db.statements import CompiledStatement, Executor, Row


class HealthRepository:
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def is_migrated(self) -> bool:
        """Whether the schema is one that this version works on. Raises one of `DATABASE_ERRORS` if it is away."""
        try:
            rows = await self._database.fetch_all(_revision(), {})
        except asyncpg.UndefinedTableError:
            return False
        return bool(rows) and all(is_compatible(row["version_num"]) for row in rows)


@lru_cache
def _revision() -> CompiledStatement[Row]:
    return CompiledStatement(select(column("version_num")).select_from(table("alembic_version")))
