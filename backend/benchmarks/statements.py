"""What the service asks the database to answer a request."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

from app.config import Environment, Settings
from app.db.statements import CompiledStatement, Executor, R
from app.main import create_app
from benchmarks.cases import Call
from benchmarks.cpu import Lifespan, prepare

Statement = tuple[str, tuple[Any, ...]]
"""SQL, and the arguments for its parameters."""


class Overheard:
    """Passes statements on, and notes them."""

    def __init__(self, database: Executor) -> None:
        self._database = database
        self.statements: list[Statement] = []

    async def fetch_all(self, question: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        self.statements.append((question.sql, tuple(question.bind(values))))
        return await self._database.fetch_all(question, values)


@asynccontextmanager
async def service_on(url: str) -> AsyncIterator[FastAPI]:
    """The service on the database at `url`, in this process."""
    settings = Settings(_env_file=None, database_url=SecretStr(url), env=Environment.PRODUCTION, log_level="ERROR")
    app = create_app(settings)
    async with Lifespan(app):
        yield app


async def statements_of(app: FastAPI, path: str) -> list[Statement]:
    """What is asked to answer a GET of `path`."""
    database = app.state.database
    asked, database.reader = database.reader, Overheard(database.reader)
    try:
        await app(*prepare(Call("GET", path)))
        statements: list[Statement] = database.reader.statements
    finally:
        database.reader = asked
    return statements
