"""API keys: looked up for requests, created, listed and revoked by the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypedDict

from sqlalchemy import Float, bindparam, extract, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from app.db.statements import CompiledStatement, Executor
from app.models import ApiKey


class _ApiKeyRow(TypedDict):
    public_id: str
    digest: bytes
    scopes: list[str]
    is_revoked: bool
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class StoredApiKey:
    """The verifier of an API key. `seconds_left` is None for a key that does not expire."""

    public_id: str
    digest: bytes
    scopes: frozenset[str]
    is_revoked: bool
    seconds_left: float | None

    @property
    def is_expired_or_revoked(self) -> bool:
        return self.is_revoked or (self.seconds_left is not None and self.seconds_left <= 0)


class ApiKeyQueries:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def get(self, public_id: str) -> StoredApiKey | None:
        """The key with this public id, valid or not. Raises one of DATABASE_ERRORS."""
        rows = await self._executor.fetch_all(_get_statement(), {"public_id": public_id})
        if not rows:
            return None
        row = rows[0]
        return StoredApiKey(
            public_id=row["public_id"],
            digest=row["digest"],
            scopes=frozenset(row["scopes"]),
            is_revoked=row["is_revoked"],
            seconds_left=row["seconds_left"],
        )


class ApiKeyRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, key: ApiKey) -> None:
        """Raises SQLAlchemy's IntegrityError for values that the table's constraints reject."""
        self._session.add(key)
        await self._session.flush()

    async def list(self) -> Sequence[ApiKey]:
        """All keys without their digests, revoked and expired ones too, the oldest first."""
        statement = select(ApiKey).options(defer(ApiKey.digest, raiseload=True))
        return (await self._session.scalars(statement.order_by(ApiKey.created_at, ApiKey.public_id))).all()

    async def revoke(self, public_id: str) -> bool:
        """Whether the key exists. A key that is already revoked keeps its time of revocation."""
        revoked_at = func.coalesce(ApiKey.revoked_at, func.now())
        statement = update(ApiKey).where(ApiKey.public_id == public_id).values(revoked_at=revoked_at)
        return await self._session.scalar(statement.returning(ApiKey.public_id)) is not None


@lru_cache
def _get_statement() -> CompiledStatement[_ApiKeyRow]:
    # Expiry is computed by the database's clock, which all processes share.
    seconds_left = extract("epoch", ApiKey.expires_at - func.clock_timestamp()).cast(Float)
    state = (ApiKey.revoked_at.is_not(None).label("is_revoked"), seconds_left.label("seconds_left"))
    columns = (ApiKey.public_id, ApiKey.digest, ApiKey.scopes)
    return CompiledStatement(select(*columns, *state).where(ApiKey.public_id == bindparam("public_id")))
