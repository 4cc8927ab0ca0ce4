"""Idempotency keys and the responses that are stored with them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import asyncpg
from sqlalchemy import ColumnElement, CursorResult, Interval, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.errors import get_driver_error
from app.errors import IdempotencyInProgressError
from app.models import IdempotencyKey

RETENTION: Final = timedelta(hours=24)
"""How long a key is remembered."""
_PURGE_LOCK: Final = 7_165_003_121
"""Number of an advisory lock, arbitrary."""


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The response to the first request with a key; `location` is a path of the service."""

    status: int
    location: str | None
    body: bytes


class IdempotencyRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, *, client: str, key: str, fingerprint: bytes) -> bool:
        """Insert a key and return True, or return False for a key that another request has used within RETENTION.

        Waits for a transaction that is using the same key. Raises IdempotencyInProgressError if that takes too long.
        """
        new = insert(IdempotencyKey).values(client=client, key=key, fingerprint=fingerprint)
        renewed: dict[str, Any] = {"fingerprint": new.excluded.fingerprint, "created_at": func.now()}
        statement = new.on_conflict_do_update(
            constraint="pk_idempotency_keys",
            set_=renewed | dict.fromkeys(("status", "location", "body")),
            where=_is_expired(),
        )
        try:
            claimed = await self._session.scalar(statement.returning(IdempotencyKey.key))
        except DBAPIError as error:
            if isinstance(get_driver_error(error), asyncpg.LockNotAvailableError):
                raise IdempotencyInProgressError from error
            raise
        return claimed is not None

    async def get(self, *, client: str, key: str) -> IdempotencyKey | None:
        return await self._session.get(IdempotencyKey, (client, key))

    async def store_response(self, response: StoredResponse, *, client: str, key: str) -> None:
        """Store the response with a key that this transaction has claimed."""
        statement = update(IdempotencyKey).where(IdempotencyKey.client == client, IdempotencyKey.key == key)
        await self._session.execute(
            statement.values(status=response.status, location=response.location, body=response.body)
        )

    async def lock_purge(self, *, wait: bool) -> bool:
        """Let no other transaction purge until this one ends. Returns False if one does and `wait` is False."""
        lock = func.pg_advisory_xact_lock if wait else func.pg_try_advisory_xact_lock
        return await self._session.scalar(select(lock(_PURGE_LOCK))) is not False

    async def purge(self, *, limit: int) -> int:
        """Delete up to `limit` keys that are older than RETENTION, except locked ones; returns their number."""
        columns = (IdempotencyKey.client, IdempotencyKey.key)
        oldest = select(*columns).where(_is_expired()).order_by(IdempotencyKey.created_at).limit(limit)
        expired = oldest.with_for_update(skip_locked=True).cte()
        statement = delete(IdempotencyKey).where(
            IdempotencyKey.client == expired.c.client, IdempotencyKey.key == expired.c.key
        )
        result = await self._session.execute(statement, execution_options={"synchronize_session": False})
        assert isinstance(result, CursorResult)  # noqa: S101  for mypy: a DELETE has a row count
        return result.rowcount


def _is_expired() -> ColumnElement[bool]:
    age = literal_column(f"INTERVAL '{int(RETENTION.total_seconds())} seconds'", Interval)
    return IdempotencyKey.created_at < func.now() - age
