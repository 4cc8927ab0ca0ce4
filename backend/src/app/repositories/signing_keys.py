"""The secrets that the service signs with."""

from functools import lru_cache
from typing import Literal

from sqlalchemy import bindparam, select

from app.db.statements import CompiledStatement, Executor, Row
from app.models import SigningKey


class SigningKeyRepository:
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def get(self, purpose: Literal["cursor"]) -> bytes:
        (row,) = await self._database.fetch_all(_key(), {"purpose": purpose})
        key: bytes = row["key"]
        return key


@lru_cache
def _key() -> CompiledStatement[Row]:
    return CompiledStatement(select(SigningKey.key).where(SigningKey.purpose == bindparam("purpose")))
