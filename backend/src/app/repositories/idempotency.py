"""The keys under which writes are sent again, and the answers that are kept for them."""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import asyncpg
from sqlalchemy import ColumnElement, Interval, bindparam, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from app.db.statements import CompiledStatement, Executor, Row
from app.errors import IdempotencyInProgressError
from app.models import IdempotencyKey

KEPT: Final = timedelta(hours=24)
"""How long a key is remembered."""

_IS_SAME: Final = (IdempotencyKey.client == bindparam("client_"), IdempotencyKey.key == bindparam("key_"))


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """What the first write under a key was answered."""

    fingerprint: bytes
    status: int
    location: str | None
    body: bytes


class IdempotencyRepository:
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def claim(self, *, client: str, key: str, fingerprint: bytes) -> bool:
        """Whether the key is new, and from now on this transaction's; whoever brings it too waits for its end.

        Raises IdempotencyInProgressError if it is another transaction's, which does not end in time.
        """
        values = {"client": client, "key": key, "fingerprint": fingerprint}
        try:
            return bool(await self._database.fetch_all(_claim(), values))
        except asyncpg.LockNotAvailableError as error:
            raise IdempotencyInProgressError from error

    async def answer(self, *, client: str, key: str) -> StoredResponse | None:
        rows = await self._database.fetch_all(_answer(), {"client_": client, "key_": key})
        return StoredResponse(**rows[0]) if rows else None

    async def keep(self, *, client: str, key: str, status: int, location: str | None, body: bytes) -> None:
        """Write the answer beside a key that this transaction has claimed."""
        values = {"client_": client, "key_": key, "status": status, "location": location, "body": body}
        await self._database.fetch_all(_keep(), values)

    async def purge(self) -> int:
        """Remove the keys that need not be remembered any more; how many they were."""
        rows: list[Row] = await self._database.fetch_all(_purge(), {})
        return len(rows)


def _is_forgotten() -> ColumnElement[bool]:
    age = literal_column(f"INTERVAL '{int(KEPT.total_seconds())} seconds'", Interval)
    return IdempotencyKey.created_at < func.now() - age


@lru_cache
def _claim() -> CompiledStatement[Row]:
    new = insert(IdempotencyKey).values({name: bindparam(name) for name in ("client", "key", "fingerprint")})
    anew: dict[str, Any] = {"fingerprint": new.excluded.fingerprint, "created_at": func.now()}
    claimed = new.on_conflict_do_update(
        constraint="pk_idempotency_keys",
        set_=anew | dict.fromkeys(("status", "location", "body")),
        where=_is_forgotten(),
    )
    return CompiledStatement(claimed.returning(IdempotencyKey.key))


@lru_cache
def _answer() -> CompiledStatement[Row]:
    columns = (IdempotencyKey.fingerprint, IdempotencyKey.status, IdempotencyKey.location, IdempotencyKey.body)
    return CompiledStatement(select(*columns).where(*_IS_SAME))


@lru_cache
def _keep() -> CompiledStatement[Row]:
    written: dict[str, Any] = {name: bindparam(name) for name in ("status", "location", "body")}
    return CompiledStatement(update(IdempotencyKey).values(written).where(*_IS_SAME))


@lru_cache
def _purge() -> CompiledStatement[Row]:
    return CompiledStatement(delete(IdempotencyKey).where(_is_forgotten()).returning(IdempotencyKey.key))
