"""The keys of clients, as a request looks one up."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Float, bindparam, create_engine, extract, func, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.db.statements import CompiledStatement, Executor, Row
from app.db.urls import sync_url
from app.models import ApiKey


@dataclass(frozen=True, slots=True)
class StoredApiKey:
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
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def find(self, public_id: str) -> StoredApiKey | None:
        """The key with this public id, valid or not. Raises one of `DATABASE_ERRORS` if the database is away."""
        rows = await self._database.fetch_all(_by_public_id(), {"public_id": public_id})
        return _known(rows[0]) if rows else None


def _known(row: dict[str, Any]) -> StoredApiKey:
    return StoredApiKey(**row | {"scopes": frozenset(row["scopes"])})


@lru_cache
def _by_public_id() -> CompiledStatement[Row]:
    # The database's clock decides: it is the one that all processes share.
    seconds_left = extract("epoch", ApiKey.expires_at - func.clock_timestamp()).cast(Float)
    is_revoked = ApiKey.revoked_at.is_not(None)
    state = (is_revoked.label("is_revoked"), seconds_left.label("seconds_left"))
    kept = (ApiKey.public_id, ApiKey.digest, ApiKey.scopes)
    return CompiledStatement(select(*kept, *state).where(ApiKey.public_id == bindparam("public_id")))


class ApiKeyAdminError(Exception):
    """The keys of this database can't be worked on. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class ApiKeySummary:
    """A key as it may be shown."""

    public_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class ApiKeyAdmin:
    """Works in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, public_id: str, *, name: str, digest: bytes, scopes: Sequence[str], expires_at: datetime | None
    ) -> None:
        """Raises SQLAlchemy's IntegrityError for what the table does not take."""
        values = {"public_id": public_id, "name": name, "digest": digest, "scopes": scopes, "expires_at": expires_at}
        self._connection.execute(insert(ApiKey).values(values))

    def all(self) -> list[ApiKeySummary]:
        """The oldest first; revoked and expired ones too."""
        rows = self._connection.execute(select(*_LISTED).order_by(ApiKey.created_at, ApiKey.public_id)).mappings()
        return [ApiKeySummary(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]

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
_NO_RIGHT: Final = "The database's role may not do this with keys: docs/roles.md says which one may."
_REASONS: Final = {
    "42P01": "The database has no table of keys yet: run `deals migrate`.",
    "42501": _NO_RIGHT,
    "25006": _NO_RIGHT,  # its transactions are read only
}
"""By SQLSTATE."""


@contextmanager
def open_api_key_admin(url: str) -> Iterator[ApiKeyAdmin]:
    """The keys of the database at `url`; what was changed is committed at the end of the block.

    Raises ApiKeyAdminError if the table is not there or the role has no right to it.
    """
    engine = create_engine(sync_url(url), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield ApiKeyAdmin(connection)
    except DBAPIError as error:
        reason = _REASONS.get(getattr(error.orig, "pgcode", None) or "")
        if reason is None:
            raise
        raise ApiKeyAdminError(reason) from error
