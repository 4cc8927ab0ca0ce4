"""Who may write: keys are verified here, and remembered for a moment."""

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from app.auth.throttle import FailedAttemptLimiter
from app.auth.tokens import Scope, allows, digest, public_id
from app.config import Settings
from app.errors import ForbiddenError, UnauthorizedError
from app.repositories.api_keys import ApiKeyRepository, StoredApiKey

CACHE_TTL_SECONDS: Final = 3.0
"""How long a revoked key may go on working."""
_MAX_CACHED: Final = 1024
_NO_DIGEST: Final = bytes(32)

log = structlog.get_logger("keys")


class Keys(Protocol):
    """Who is asked whether a request may write."""

    async def authenticate(self, presented: str | None, *, scope: Scope, address: str, keys: ApiKeyRepository) -> str:
        """The public id of the client that may; empty where everybody may.

        Raises UnauthorizedError, ForbiddenError, RateLimitedError, and one of `DATABASE_ERRORS` if the key
        would have to be looked up and the database is away.
        """
        ...

    def cached_client_id(self, presented: str) -> str | None:
        """The public id of a key that was found valid here and not refused since, without any I/O.

        Good for telling clients apart, not for letting one in.
        """
        ...


class AllowAll:
    """Where writes need no key."""

    async def authenticate(self, presented: str | None, *, scope: Scope, address: str, keys: ApiKeyRepository) -> str:  # noqa: ARG002  the protocol's
        return ""

    def cached_client_id(self, presented: str) -> str | None:  # noqa: ARG002  the protocol's
        return None


@dataclass(frozen=True, slots=True)
class Client:
    """A key that was found valid, and until when it is taken for that."""

    public_id: str
    scopes: frozenset[str]
    until: float


class ApiKeyAuthenticator:
    """Verifies keys against the database, and believes what it found for CACHE_TTL_SECONDS.

    `clock` counts seconds and never goes back.
    """

    def __init__(self, *, secret: bytes, failures_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._secret = secret
        self._clock = clock
        self._clients: dict[bytes, Client] = {}
        self._asked: dict[bytes, asyncio.Task[Client | None]] = {}
        self._failures = FailedAttemptLimiter(per_minute=failures_per_minute)

    async def authenticate(self, presented: str | None, *, scope: Scope, address: str, keys: ApiKeyRepository) -> str:
        if presented is None:
            raise UnauthorizedError
        made = digest(presented, secret=self._secret)
        client = self._fresh(made) or await self._verified(presented, made, address=address, keys=keys)
        if not allows(client.scopes, scope):
            log.warning("key_without_scope", client=client.public_id, needed=scope)
            raise ForbiddenError
        return client.public_id

    def cached_client_id(self, presented: str) -> str | None:
        client = self._clients.get(digest(presented, secret=self._secret))
        return client.public_id if client else None

    def _fresh(self, made: bytes) -> Client | None:
        client = self._clients.get(made)
        return client if client and self._clock() < client.until else None

    async def _verified(self, presented: str, made: bytes, *, address: str, keys: ApiKeyRepository) -> Client:
        asked = self._asked.get(made) or self._ask(presented, made, address=address, keys=keys)
        client = await asyncio.shield(asked)  # who goes away takes the answer from nobody
        if client is None:
            raise UnauthorizedError
        return client

    def _ask(
        self, presented: str, made: bytes, *, address: str, keys: ApiKeyRepository
    ) -> "asyncio.Task[Client | None]":
        """A look-up for all who present this key before it ends."""
        # Who has had a valid key is not shut out by the guesses of others behind the same address.
        is_guess = made not in self._clients
        if is_guess:
            self._failures.reserve(address)

        def settle(asked: "asyncio.Task[Client | None]") -> None:
            del self._asked[made]
            is_wrong = not asked.cancelled() and asked.exception() is None and asked.result() is None
            if is_wrong and not is_guess:
                self._failures.record(address)
            if is_guess and not is_wrong:
                self._failures.refund(address)

        asked = self._asked[made] = asyncio.create_task(self._look_up(presented, made, address=address, keys=keys))
        asked.add_done_callback(settle)
        return asked

    async def _look_up(self, presented: str, made: bytes, *, address: str, keys: ApiKeyRepository) -> Client | None:
        began = self._clock()
        name = public_id(presented)
        found = await keys.find(name) if name else None
        # The same work, whether there is such a key or not.
        is_same = hmac.compare_digest(made, found.digest if found else _NO_DIGEST)
        if found is None or not is_same or found.is_over:
            self._clients.pop(made, None)
            log.warning("key_refused", client=found and found.public_id, address=address)
            return None
        return self._remember(made, found, asked=began)

    def _remember(self, made: bytes, found: StoredApiKey, *, asked: float) -> Client:
        left = CACHE_TTL_SECONDS if found.seconds_left is None else min(found.seconds_left, CACHE_TTL_SECONDS)
        client = Client(found.public_id, found.scopes, asked + left)
        self._clients.pop(made, None)
        while len(self._clients) >= _MAX_CACHED:
            del self._clients[next(iter(self._clients))]
        self._clients[made] = client
        return client


def build_authenticator(settings: Settings) -> Keys:
    """As AUTH_MODE says. Raises SettingsError if keys are wanted and there is no secret to digest them with."""
    if not settings.write_auth_enabled:
        return AllowAll()
    return ApiKeyAuthenticator(
        secret=settings.require_key_secret(), failures_per_minute=settings.auth_failures_per_minute
    )
