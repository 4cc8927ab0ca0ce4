"""State of the database that is not the catalogue: the revision of its schema, and the signing keys."""

from functools import lru_cache
from typing import Literal, TypedDict

import asyncpg
from sqlalchemy import bindparam, column, select, table

from app.db.migrations import is_compatible
from app.db.statements import CompiledStatement, Executor
from app.models import SigningKey


class _RevisionRow(TypedDict):
    version_num: str


class HealthQueries:
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


class _SigningKeyRow(TypedDict):
    key: bytes


class SigningKeyQueries:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def get(self, purpose: Literal["cursor"]) -> bytes:
        (row,) = await self._executor.fetch_all(_get_statement(), {"purpose": purpose})
        return row["key"]


@lru_cache
def _get_statement() -> CompiledStatement[_SigningKeyRow]:
    return CompiledStatement(select(SigningKey.key).where(SigningKey.purpose == bindparam("purpose")))
