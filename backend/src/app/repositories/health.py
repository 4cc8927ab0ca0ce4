"""Whether the database answers, and at which revision it stands."""

from functools import lru_cache

import asyncpg
from sqlalchemy import column, select, table

from app.db.migrations import older_revisions
from app.db.reading import Asks, Question


class HealthRepository:
    def __init__(self, database: Asks) -> None:
        self._database = database

    async def is_migrated(self) -> bool:
        """Whether the database has this version's schema, or that of a newer one. Raises one of `UNANSWERED`.

        Migrations keep what the version before them needs: it goes on serving until all processes are replaced.
        """
        try:
            rows = await self._database.rows(_revision(), {})
        except asyncpg.UndefinedTableError:
            return False
        return bool(rows) and older_revisions().isdisjoint(row["version_num"] for row in rows)


@lru_cache
def _revision() -> Question:
    return Question(select(column("version_num")).select_from(table("alembic_version")))
