"""The keys of clients: how one is looked up, and the few ways to change them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Float, bindparam, extract, func, insert, select, update

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
    """For requests."""

    def __init__(self, database: Asks) -> None:
        self._database = database

    async def find(self, public_id: str) -> KnownKey | None:
        """The key with this public id, valid or not. Raises one of `violations.UNANSWERED` if the database is away."""
        rows = await self._database.rows(_by_public_id(), {"public_id": public_id})
        return _known(rows[0]) if rows else None


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as it may be shown."""

    public_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class KeyRing:
    """For the command line: all keys, in a transaction that the caller commits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, public_id: str, *, name: str, digest: bytes, scopes: Sequence[str], expires_at: datetime | None
    ) -> None:
        """Raises SQLAlchemy's IntegrityError for what the table does not take."""
        values = {"public_id": public_id, "name": name, "digest": digest, "scopes": scopes, "expires_at": expires_at}
        self._connection.execute(insert(ApiKey).values(values))

    def all(self) -> list[ListedKey]:
        """The oldest first; revoked and expired ones too."""
        rows = self._connection.execute(select(*_LISTED).order_by(ApiKey.created_at, ApiKey.public_id)).mappings()
        return [ListedKey(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]

    def revoke(self, public_id: str) -> bool:
        """Whether there is such a key; one that was revoked before keeps its time."""
        revoked_at = func.coalesce(ApiKey.revoked_at, func.now())
        statement = update(ApiKey).where(ApiKey.public_id == public_id).values(revoked_at=revoked_at)
        return self._connection.execute(statement).rowcount > 0


_LISTED: Final = (
    ApiKey.public_id,
    ApiKey.name,
    ApiKey.scopes,
    ApiKey.created_at,
    ApiKey.expires_at,
    ApiKey.revoked_at,
)


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
