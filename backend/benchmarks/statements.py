"""Record the SQL statements with which the service processes a request."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

from app.config import Environment, Settings
from app.db.statements import CompiledStatement, Executor, R
from app.main import create_app
from benchmarks.cases import ApiRequest
from benchmarks.cpu import Lifespan, to_asgi


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and its positional arguments."""

    sql: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class RunningService:
    """The service in this process, between its startup and its shutdown."""

    app: FastAPI
    state: dict[str, Any]


class StatementRecorder:
    """Executes statements with another executor and records them."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.statements: list[Statement] = []

    async def fetch_all(self, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        self.statements.append(Statement(statement.sql, tuple(statement.bind(values))))
        return await self._executor.fetch_all(statement, values)


@asynccontextmanager
async def run_service(url: str) -> AsyncIterator[RunningService]:
    """Run the service on the database at `url` in this process."""
    settings = Settings(_env_file=None, database_url=SecretStr(url), env=Environment.PRODUCTION, log_level="ERROR")
    app = create_app(settings)
    async with Lifespan(app) as lifespan:
        yield RunningService(app, lifespan.state)


async def record_statements(service: RunningService, path: str) -> list[Statement]:
    """The statements of a GET of `path`."""
    database = service.app.state.database
    executor, database.reads = database.reads, StatementRecorder(database.reads)
    try:
        await service.app(*to_asgi(ApiRequest("GET", path), service.state))
        statements: list[Statement] = database.reads.statements
    finally:
        database.reads = executor
    return statements
