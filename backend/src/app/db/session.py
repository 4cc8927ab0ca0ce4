"""The engine and the one way to write: one request, one session, one transaction, one commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Final, Self

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.config import Settings
from app.db.lending import Lender, Pool
from app.db.statements import AutocommitExecutor, Executor
from app.db.transaction import Transaction
from app.db.urls import async_url

_LOOKS_FOR_CLIENT: Final = 0.5
"""Seconds after which the server notices that the client of a running statement is gone."""
_GOODBYE_SECONDS: Final = 1.0
_NET: Final = 0.1
"""Seconds that the driver leaves the server to end a statement by itself."""


class Database:
    """The engine of one database, and the two ways to ask it."""

    def __init__(self, engine: AsyncEngine, lender: Lender) -> None:
        self.engine = engine
        self.lender = lender
        self.reader: Executor = AutocommitExecutor(lender)
        self.cursor_key: bytes | None = None

    @classmethod
    def connect(cls, url: str, settings: Settings) -> Self:
        """Prepare a pool; the first connection is made by the first statement."""
        engine = create_async_engine(
            async_url(url),
            pool_size=settings.database_pool_size,
            max_overflow=settings.database_pool_max_overflow,
            pool_timeout=settings.database_pool_timeout,
            pool_recycle=settings.database_pool_recycle,
            pool_pre_ping=settings.database_pool_pre_ping,
            pool_reset_on_return=None,
            connect_args=_waits(settings),
        )
        return cls(engine, Pool(engine))

    async def close(self) -> None:
        """Say goodbye to the server, if it listens: one that does not keeps nobody from ending."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self.engine.dispose()


def _waits(settings: Settings) -> dict[str, object]:
    """How long the driver waits, and the server too: it ends what nobody waits for, the lock it holds included."""
    server = {
        "statement_timeout": settings.database_statement_timeout,
        "lock_timeout": settings.database_lock_timeout,
        "idle_in_transaction_session_timeout": settings.database_idle_in_transaction_timeout,
        "client_connection_check_interval": _LOOKS_FOR_CLIENT,
    }
    return {
        "timeout": settings.database_connect_timeout,
        "command_timeout": settings.database_statement_timeout + _NET,
        "server_settings": {name: f"{round(seconds * 1000)}ms" for name, seconds in server.items()},
    }


def database_of(request: Request) -> Database:
    """The application's database, as its lifespan built it."""
    database: Database = request.app.state.database
    return database


async def get_db(request: Request) -> AsyncIterator[Transaction]:
    """One request, one transaction: committed when the endpoint returns, before the answer leaves."""
    async with Transaction.on(database_of(request).lender) as transaction:
        yield transaction


DB = Annotated[Transaction, Depends(get_db, scope="function")]
