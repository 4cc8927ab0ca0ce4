"""The keys of clients, as a request looks one up."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Float, bindparam, extract, func, select

from app.db.reading import Asks, Question
from app.models import ApiKey


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What there is to compare a presented key with. `seconds_left` is None for a key that does not expire."""

    public_id: str
    digest: bytes
    scopes: frozenset[str]
    is_revoked: bool
    seconds_left: float | None

    @property
    def is_over(self) -> bool:
        """Whether it was valid once."""
        return self.is_revoked or (self.seconds_left is not None and self.seconds_left <= 0)


class ApiKeyRepository:
    def __init__(self, database: Asks) -> None:
        self._database = database

    async def find(self, public_id: str) -> KnownKey | None:
        """The key with this public id, valid or not. Raises one of `violations.UNANSWERED` if the database is away."""
        rows = await self._database.rows(_by_public_id(), {"public_id": public_id})
        return _known(rows[0]) if rows else None


def _known(row: dict[str, Any]) -> KnownKey:
    return KnownKey(**row | {"scopes": frozenset(row["scopes"])})


@lru_cache
def _by_public_id() -> Question:
    # The database's clock decides: it is the one that all processes share.
    seconds_left = extract("epoch", ApiKey.expires_at - func.clock_timestamp()).cast(Float)
    is_revoked = ApiKey.revoked_at.is_not(None)
    state = (is_revoked.label("is_revoked"), seconds_left.label("seconds_left"))
    kept = (ApiKey.public_id, ApiKey.digest, ApiKey.scopes)
    return Question(select(*kept, *state).where(ApiKey.public_id == bindparam("public_id")))
