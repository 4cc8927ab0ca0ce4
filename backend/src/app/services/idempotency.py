"""Idempotent writes: a request that is sent again with the same key has one effect and gets the first response."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256

from app.errors import IdempotencyInProgressError, IdempotencyKeyReusedError
from app.repositories.idempotency import IdempotencyRepository, StoredResponse
from app.schemas.base import RequestModel


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


def _get_fingerprint(body: RequestModel) -> bytes:
    """Equal for bodies with equal values, whatever their formatting."""
    values = sorted((name, _normalize(value)) for name, value in body.model_dump().items())
    return sha256(repr((type(body).__name__, values)).encode()).digest()


def _normalize(value: object) -> str:
    return str(value.normalize() if isinstance(value, Decimal) else value)
