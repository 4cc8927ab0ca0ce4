"""The secrets that the service signs with."""

from functools import lru_cache
from typing import Literal

from sqlalchemy import bindparam, select

from app.db.reading import Asks, Question
from app.models import SigningKey


class SigningKeyRepository:
    def __init__(self, database: Asks) -> None:
        self._database = database

    async def get(self, purpose: Literal["cursor"]) -> bytes:
        (row,) = await self._database.rows(_key(), {"purpose": purpose})
        key: bytes = row["key"]
        return key


@lru_cache
def _key() -> Question:
    return Question(select(SigningKey.key).where(SigningKey.purpose == bindparam("purpose")))
