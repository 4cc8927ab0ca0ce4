"""Idempotent writes: a request that is sent again with the same key has one effect and gets the first response."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Final

import structlog

from app.db.session import Database, transaction
from app.errors import IdempotencyInProgressError, IdempotencyKeyReusedError
from app.repositories.idempotency import IdempotencyRepository, StoredResponse
from app.schemas.base import RequestModel

_PURGE_STEP: Final = 1000
"""Keys that one transaction deletes."""

_log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger("idempotency")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The response to a write; `is_replayed` if an earlier request had the effect."""

    response: StoredResponse
    is_replayed: bool = False


class IdempotencyService:
    """Runs the write of one request, at most once for each key of a client.

    `client` is the public id of the API key, empty without one. Without a `key` every request is executed.
    """

    def __init__(self, keys: IdempotencyRepository, *, client: str, key: str | None) -> None:
        self._keys = keys
        self._client = client
        self._key = key

    async def run(self, body: RequestModel, write: Callable[[], Awaitable[StoredResponse]]) -> Outcome:
        """Await `write` and store its response in the same transaction, or return the response that is stored.

        Raises IdempotencyKeyReusedError if the key was used with another body, and IdempotencyInProgressError.
        """
        if self._key is None:
            return Outcome(await write())
        fingerprint = _get_fingerprint(body)
        if await self._keys.claim(client=self._client, key=self._key, fingerprint=fingerprint):
            response = await write()
            await self._keys.store_response(response, client=self._client, key=self._key)
            return Outcome(response)
        return Outcome(await self._get_stored(self._key, fingerprint), is_replayed=True)

    async def _get_stored(self, key: str, fingerprint: bytes) -> StoredResponse:
        stored = await self._keys.get(client=self._client, key=key)
        if stored is None or stored.status is None or stored.body is None:  # purged since it was claimed
            raise IdempotencyInProgressError
        if stored.fingerprint != fingerprint:
            raise IdempotencyKeyReusedError
        return StoredResponse(status=stored.status, location=stored.location, body=stored.body)


async def purge_expired_keys(database: Database, *, wait: bool) -> int:
    """Delete expired keys in short transactions; returns their number.

    Only one process purges at a time: the others `wait` for its transactions, or leave the rest to it.
    """
    deleted = 0
    while True:
        async with transaction(database.sessions) as session:
            keys = IdempotencyRepository(session)
            step = await keys.purge(limit=_PURGE_STEP) if await keys.lock_purge(wait=wait) else 0
        deleted += step
        if step < _PURGE_STEP:
            return deleted


@asynccontextmanager
async def periodic_purge(database: Database, *, interval: float) -> AsyncIterator[None]:
    """Purge expired keys about every `interval` seconds until the end of the block. Errors are logged."""
    stopping = asyncio.Event()
    task = asyncio.create_task(_purge_until(stopping, database, interval=interval))
    try:
        yield
    finally:
        stopping.set()
        task.cancel()
        await asyncio.wait([task])


async def _purge_until(stopping: asyncio.Event, database: Database, *, interval: float) -> None:
    """Purge until the task is cancelled after `stopping`: a cancelled commit raises another error instead."""
    while not stopping.is_set():
        await asyncio.sleep(interval * random.uniform(0.5, 1))  # noqa: S311  not a secret: spreads the processes
        try:
            if deleted := await purge_expired_keys(database, wait=False):
                _log.info("idempotency_keys_purged", keys=deleted)
        except Exception:  # noqa: BLE001  logged, and the next attempt may succeed
            if not stopping.is_set():
                _log.exception("idempotency_purge_failed")


def _get_fingerprint(body: RequestModel) -> bytes:
    """Equal for bodies with equal values, whatever their formatting."""
    values = sorted((name, _normalize(value)) for name, value in body.model_dump().items())
    return sha256(repr((type(body).__name__, values)).encode()).digest()


def _normalize(value: object) -> str:
    return str(value.normalize() if isinstance(value, Decimal) else value)
