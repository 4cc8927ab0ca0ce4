"""Limit the requests of a client in a window of time."""

import time
from math import ceil
from typing import Final, Protocol, Self

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.auth.service import Authenticator
from app.auth.throttle import WindowCounter, client_network
from app.config import Settings
from app.errors import RateLimitedError

_EXEMPT_PATHS: Final = frozenset({"/health", "/health/ready"})
_UNIT_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class RateLimitStore(Protocol):
    """Counts requests by client and window."""

    async def add(self, client: str, *, window: int) -> int:
        """Count one request of `client` in the window with this number; return the new count."""

    async def close(self) -> None:
        """Release all connections and tasks."""


class InMemoryRateLimitStore:
    """Counts the requests of this process."""

    def __init__(self) -> None:
        self._counter = WindowCounter()

    async def add(self, client: str, *, window: int) -> int:
        return self._counter.add(client, window=window)

    async def close(self) -> None:
        """Nothing to release."""


class RateLimitMiddleware:
    """Reject requests beyond `quota` per window with 429, and report the remaining quota in the RateLimit headers.

    A client is identified by its API key if that was verified recently, else by its address. Windows are aligned to the
    clock, so all processes agree on them. Health checks are exempt.
    """

    def __init__(self, app: ASGIApp, *, quota: int, window_seconds: int, store: RateLimitStore) -> None:
        self.app = app
        self._quota = quota
        self._window_seconds = window_seconds
        self._store = store
        self._policy = f'"default";q={quota};w={window_seconds}'

    @classmethod
    def from_settings(cls, app: ASGIApp, *, limit: str, settings: Settings) -> Self:
        """Build the middleware for a `limit` such as 600/minute, with Redis as its store if there is one."""
        quota, _, unit = limit.partition("/")
        window_seconds = _UNIT_SECONDS[unit]
        return cls(app, quota=int(quota), window_seconds=window_seconds, store=_build_store(settings, window_seconds))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            finally:
                await self._store.close()
        elif scope["type"] != "http" or scope["path"] in _EXEMPT_PATHS:
            await self.app(scope, receive, send)
        else:
            await self._limit(scope, receive, send)

    async def _limit(self, scope: Scope, receive: Receive, send: Send) -> None:
        window, elapsed = divmod(time.time(), self._window_seconds)
        count = await self._store.add(_client(scope), window=int(window))
        remaining, reset = self._quota - count, ceil(self._window_seconds - elapsed)
        headers = {"RateLimit-Policy": self._policy, "RateLimit": f'"default";r={max(remaining, 0)};t={reset}'}
        if remaining < 0:
            error = RateLimitedError(retry_after=reset)
            error.headers |= headers
            raise error
        raw_headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

        async def send_with_quota(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *raw_headers]
            await send(message)

        await self.app(scope, receive, send_with_quota)


def _build_store(settings: Settings, window_seconds: int) -> RateLimitStore:
    if settings.redis_url is None:
        return InMemoryRateLimitStore()
    from app.middlewares.redis_store import RedisRateLimitStore  # noqa: PLC0415  its import takes a tenth of the start

    return RedisRateLimitStore(settings.redis_url.get_secret_value(), window_seconds=window_seconds)


def _client(scope: Scope) -> str:
    authenticator: Authenticator = scope["app"].state.authenticator
    for name, value in scope["headers"]:
        if name == b"x-api-key" and (client_id := authenticator.cached_client_id(value.decode("latin-1"))):
            return f"key:{client_id}"
    address = scope["client"]
    return f"address:{client_network(address[0])}" if address else "unknown"
