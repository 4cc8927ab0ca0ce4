"""A write that is sent again under one key happens once, and is answered as it was the first time."""

from decimal import Decimal
from hashlib import sha256

from app.errors import IdempotencyInProgressError, IdempotencyKeyReusedError
from app.repositories.idempotency import IdempotencyRepository, StoredResponse
from app.schemas.base import RequestModel


class ReplayedResponseError(Exception):
    """The write was done by an earlier request, whose answer is this one's too."""

    def __init__(self, answer: StoredResponse) -> None:
        super().__init__()
        self.answer = answer


class NoIdempotency:
    """For a write without a key: it is as many writes as there are requests."""

    async def begin(self, new: RequestModel) -> None:
        """Come before whatever the write of `new` does."""

    async def keep(self, *, status: int, location: str | None, body: bytes) -> None:
        """Come last, with the answer, in the transaction that is committed before the answer leaves."""


class IdempotencyGuard(NoIdempotency):
    """For a write under a key that its client has chosen."""

    def __init__(self, *, keys: IdempotencyRepository, client: str, key: str) -> None:
        self._keys = keys
        self._client = client
        self._key = key

    async def begin(self, new: RequestModel) -> None:
        """Return if the write is to be done now.

        Raises ReplayedResponseError, IdempotencyKeyReusedError if the key came with something else, and
        IdempotencyInProgressError.
        """
        fingerprint = _fingerprint(new)
        if await self._keys.claim(client=self._client, key=self._key, fingerprint=fingerprint):
            return
        answer = await self._keys.answer(client=self._client, key=self._key)
        if answer is None:  # forgotten in between
            raise IdempotencyInProgressError
        if answer.fingerprint != fingerprint:
            raise IdempotencyKeyReusedError
        raise ReplayedResponseError(answer)

    async def keep(self, *, status: int, location: str | None, body: bytes) -> None:
        await self._keys.keep(client=self._client, key=self._key, status=status, location=location, body=body)


def _fingerprint(new: RequestModel) -> bytes:
    """The same for what means the same, however it was written."""
    values = sorted((name, _plain(value)) for name, value in new.model_dump().items())
    return sha256(repr((type(new).__name__, values)).encode()).digest()


def _plain(value: object) -> str:
    return str(value.normalize() if isinstance(value, Decimal) else value)
