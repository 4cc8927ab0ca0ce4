"""Read access to the signing keys."""

from functools import lru_cache
from typing import Literal, TypedDict

from sqlalchemy import bindparam, select

from app.db.statements import CompiledStatement, Executor
from app.models import SigningKey


class _Key(TypedDict):
    key: bytes


class SigningKeyRepository:
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def get(self, purpose: Literal["cursor"]) -> bytes:
        (row,) = await self._database.fetch_all(_key_statement(), {"purpose": purpose})
        return row["key"]


@lru_cache
def _key_statement() -> CompiledStatement[_Key]:
    return CompiledStatement(select(SigningKey.key).where(SigningKey.purpose == bindparam("purpose")))
