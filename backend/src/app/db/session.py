"""The engine and the one way to write: one request, one session, one transaction, one commit."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from app.config import Settings
from app.db.reading import PoolReader, Reader
from app.db.urls import async_url
from app.logging import count_query


class Database:
    """The engine of one database, with the sessions and the reader on it."""

    def __init__(self, engine: AsyncEngine, sessions: async_sessionmaker[AsyncSession], reader: Reader) -> None:
        self.engine = engine
        self.reader = reader
        self.sessions = sessions
        self.cursor_key: bytes | None = None

    @classmethod
    def connect(cls, url: str, settings: Settings) -> "Database":
        """Prepare a pool; the first connection is made by the first statement."""
        engine = create_async_engine(
            async_url(url),
            pool_size=settings.pool_size,
            max_overflow=settings.pool_max_overflow,
            pool_timeout=settings.pool_timeout,
            pool_recycle=settings.pool_recycle,
            pool_pre_ping=settings.pool_pre_ping,
        )
        event.listen(engine.sync_engine, "before_cursor_execute", _count)
        return cls(engine, async_sessionmaker(engine, expire_on_commit=False), PoolReader(engine))

    async def close(self) -> None:
        await self.engine.dispose()


def _count(*_: object) -> None:
    count_query()


async def get_database(request: Request) -> Database:
    """The application's database, as its lifespan built it."""
    database: Database = request.app.state.database
    return database


async def get_db(database: Annotated[Database, Depends(get_database)]) -> AsyncIterator[AsyncSession]:
    """One request, one transaction: committed when the endpoint returns, before the answer leaves."""
    async with database.sessions() as session:
        yield session
        await session.commit()


DB = Annotated[AsyncSession, Depends(get_db, scope="function")]
