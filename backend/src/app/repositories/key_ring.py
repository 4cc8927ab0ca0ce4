"""All keys of clients, for the command line: made, listed and revoked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, create_engine, func, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.db.urls import sync_url
from app.models import ApiKey


class KeyRingError(Exception):
    """The keys of this database can't be worked on. The message is one sentence."""


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
    """Works in one transaction."""

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
_NO_RIGHT: Final = "The database's role may not do this with keys: docs/roles.md says which one may."
_REASONS: Final = {
    "42P01": "The database has no table of keys yet: run `deals migrate`.",
    "42501": _NO_RIGHT,
    "25006": _NO_RIGHT,  # its transactions are read only
}
"""By SQLSTATE."""


@contextmanager
def open_key_ring(url: str) -> Iterator[KeyRing]:
    """The keys of the database at `url`; what was changed is committed at the end of the block.

    Raises KeyRingError if the table is not there or the role has no right to it.
    """
    engine = create_engine(sync_url(url), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield KeyRing(connection)
    except DBAPIError as error:
        reason = _REASONS.get(getattr(error.orig, "pgcode", None) or "")
        if reason is None:
            raise
        raise KeyRingError(reason) from error
