"""The secret keys that the service signs with."""

from functools import lru_cache
from typing import Literal, TypedDict

from sqlalchemy import bindparam, select

from app.db.statements import CompiledStatement, Executor
from app.models import SigningKey


class _SigningKeyRow(TypedDict):
    key: bytes


class SigningKeyRepository:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def get(self, purpose: Literal["cursor"]) -> bytes:
        (row,) = await self._executor.fetch_all(_get_statement(), {"purpose": purpose})
        return row["key"]


@lru_cache
def _get_statement() -> CompiledStatement[_SigningKeyRow]:
    return CompiledStatement(select(SigningKey.key).where(SigningKey.purpose == bindparam("purpose")))
