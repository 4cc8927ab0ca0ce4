"""Whether the database answers, and at which revision it stands."""

from functools import lru_cache

import asyncpg
from sqlalchemy import column, select, table

from app.db.migrations import serves
from app.db.reading import Asks, Question


class HealthRepository:
    def __init__(self, database: Asks) -> None:
        self._database = database

    async def is_migrated(self) -> bool:
        """Whether the schema is one that this version works on. Raises one of `violations.UNANSWERED` if it is away."""
        try:
            rows = await self._database.rows(_revision(), {})
        except asyncpg.UndefinedTableError:
            return False
        return bool(rows) and all(serves(row["version_num"]) for row in rows)


@lru_cache
def _revision() -> Question:
    return Question(select(column("version_num")).select_from(table("alembic_version")))
