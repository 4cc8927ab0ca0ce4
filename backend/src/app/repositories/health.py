"""Whether the database answers, and at which revision it stands."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.db.migrations import newest_revision, revision_of


class HealthRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def is_migrated(self) -> bool:
        """Whether the database has this version's schema. Raises one of `violations.UNANSWERED` if it is away."""
        connection = await self._session.connection()
        return await connection.run_sync(revision_of) == newest_revision()
