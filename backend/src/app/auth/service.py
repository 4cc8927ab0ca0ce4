"""Verification of API keys, with a cache of a few seconds and one lookup for concurrent requests (ADR 11)."""

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from cachetools import LRUCache, TLRUCache

from app.auth.throttle import FailedAttemptLimiter
from app.auth.tokens import Scope, allows, digest, public_id
from app.config import Settings
from app.errors import ForbiddenError, UnauthorizedError
from app.repositories.api_keys import ApiKeyQueries

CACHE_TTL_SECONDS: Final = 3.0
"""How long a revoked key may still be accepted."""
_MAX_CACHED: Final = 1024
_NO_DIGEST: Final = bytes(32)

log = structlog.get_logger("auth")


class Authenticator(Protocol):
    """Authenticates write requests."""

    async def authenticate(self, key: str | None, *, scope: Scope, address: str, keys: ApiKeyQueries) -> str:
        """The public id of the key, empty if writes need none.

        Raises UnauthorizedError, ForbiddenError, RateLimitedError, and one of DATABASE_ERRORS if the lookup fails.
        """
        ...

    def cached_client_id(self, key: str) -> str | None:
        """The public id of a key that was valid at its last lookup, without I/O.

        It identifies a client for rate limiting; it does not authenticate a request.
        """
        ...


class AllowAll:
    """Accepts every request; used if AUTH_MODE is `off`."""

    async def authenticate(self, key: str | None, *, scope: Scope, address: str, keys: ApiKeyQueries) -> str:  # noqa: ARG002  protocol
        return ""

    def cached_client_id(self, key: str) -> str | None:  # noqa: ARG002  protocol
        return None


@dataclass(frozen=True, slots=True)
class Client:
    """The owner of a verified key; `valid_until` is a time of the authenticator's clock."""

    public_id: str
    scopes: frozenset[str]
    valid_until: float


class ApiKeyAuthenticator:
    """Verifies keys in the database, and caches valid ones for CACHE_TTL_SECONDS.

    `clock` returns monotonic seconds.
    """

    def __init__(self, *, secret: bytes, failures_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._secret = secret
        self._clock = clock
        self._clients: TLRUCache[bytes, Client] = TLRUCache(
            _MAX_CACHED, ttu=lambda _, client, __: client.valid_until, timer=clock
        )
        self._known_ids: LRUCache[bytes, str] = LRUCache(_MAX_CACHED)
        self._lookups: dict[bytes, asyncio.Task[Client | None]] = {}
        self._failures = FailedAttemptLimiter(per_minute=failures_per_minute)

    async def authenticate(self, key: str | None, *, scope: Scope, address: str, keys: ApiKeyQueries) -> str:
        if key is None:
            raise UnauthorizedError
        key_digest = digest(key, secret=self._secret)
        client = self._clients.get(key_digest) or await self._verify(key, key_digest, address=address, keys=keys)
        if not allows(client.scopes, scope):
            log.warning("key_without_scope", client=client.public_id, needed=scope)
            raise ForbiddenError
        return client.public_id

    def cached_client_id(self, key: str) -> str | None:
        return self._known_ids.get(digest(key, secret=self._secret))

    async def _verify(self, key: str, key_digest: bytes, *, address: str, keys: ApiKeyQueries) -> Client:
        lookup = self._lookups.get(key_digest)
        if lookup is None:
            lookup = self._start_lookup(key, key_digest, address=address, keys=keys)
        client = await asyncio.shield(lookup)  # a cancelled request does not cancel the lookup of the others
        if client is None:
            raise UnauthorizedError
        return client

    def _start_lookup(
        self, key: str, key_digest: bytes, *, address: str, keys: ApiKeyQueries
    ) -> "asyncio.Task[Client | None]":
        """One lookup for all requests that present this key until it ends."""
        # The owner of a known key is not blocked by failed attempts from the same address.
        is_unknown = key_digest not in self._known_ids
        if is_unknown:
            self._failures.reserve(address)

        def settle(lookup: "asyncio.Task[Client | None]") -> None:
            del self._lookups[key_digest]
            is_invalid = not lookup.cancelled() and lookup.exception() is None and lookup.result() is None
            if is_invalid and not is_unknown:
                self._failures.record(address)
            if is_unknown and not is_invalid:
                self._failures.refund(address)

        lookup = asyncio.create_task(self._look_up(key, key_digest, address=address, keys=keys))
        self._lookups[key_digest] = lookup
        lookup.add_done_callback(settle)
        return lookup

    async def _look_up(self, key: str, key_digest: bytes, *, address: str, keys: ApiKeyQueries) -> Client | None:
        started = self._clock()
        name = public_id(key)
        stored = await keys.get(name) if name else None
        # Unknown keys take the same time as wrong ones.
        is_same = hmac.compare_digest(key_digest, stored.digest if stored else _NO_DIGEST)
        if stored is None or not is_same or stored.is_expired_or_revoked:
            self._clients.pop(key_digest, None)
            self._known_ids.pop(key_digest, None)
            log.warning("key_rejected", client=stored and stored.public_id, address=address)
            return None
        seconds = CACHE_TTL_SECONDS if stored.seconds_left is None else min(stored.seconds_left, CACHE_TTL_SECONDS)
        client = Client(stored.public_id, stored.scopes, valid_until=started + seconds)
        self._clients[key_digest] = client
        self._known_ids[key_digest] = client.public_id
        return client


def build_authenticator(settings: Settings) -> Authenticator:
    """The authenticator for AUTH_MODE. Raises SettingsError if keys are required and APP_AUTH_KEY_SECRET is unset."""
    if not settings.write_auth_enabled:
        return AllowAll()
    return ApiKeyAuthenticator(
        secret=settings.require_key_secret(), failures_per_minute=settings.auth_failures_per_minute
    )
