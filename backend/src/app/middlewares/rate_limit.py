"""How many requests a client may make in a window of time."""

import time
from math import ceil
from typing import Final, Protocol, Self

from limits import parse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.auth.throttle import client_network
from app.config import Settings
from app.errors import RateLimitedError
from app.middlewares.rate_limit_store import InMemoryRateLimitStore, RateLimitStore, RedisRateLimitStore

_NEVER_LIMITED: Final = frozenset({"/health", "/health/ready"})


class Keys(Protocol):
    """What `app.state.authenticator` is, if the service has keys."""

    def cached_client_id(self, header: str) -> str | None:
        """The public id of the key in an `X-API-Key`, if it has been verified lately."""


class RateLimitMiddleware:
    """Refuse what exceeds `quota` requests in a window of `seconds`, and tell every client how many it has left.

    A client is its key if that has been verified, else its address. Windows begin at the same moments everywhere. What
    operators ask of the service itself is never limited.
    """

    def __init__(self, app: ASGIApp, *, quota: int, seconds: int, counts: RateLimitStore) -> None:
        self.app = app
        self._quota = quota
        self._seconds = seconds
        self._counts = counts
        self._policy = f'"default";q={quota};w={seconds}'

    @classmethod
    def by(cls, settings: Settings, app: ASGIApp) -> Self:
        """As the settings say."""
        limit = parse(settings.rate_limit or "")
        seconds = limit.get_expiry()
        url = settings.redis_url.get_secret_value() if settings.redis_url else None
        counts = RedisRateLimitStore(url, seconds=seconds) if url else InMemoryRateLimitStore()
        return cls(app, quota=limit.amount, seconds=seconds, counts=counts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            finally:
                await self._counts.close()
        elif scope["type"] != "http" or scope["path"] in _NEVER_LIMITED:
            await self.app(scope, receive, send)
        else:
            await self._limit(scope, receive, send)

    async def _limit(self, scope: Scope, receive: Receive, send: Send) -> None:
        window, elapsed = divmod(time.time(), self._seconds)
        count = await self._counts.add(_client(scope), window=int(window))
        left, reset = self._quota - count, ceil(self._seconds - elapsed)
        told = {"RateLimit-Policy": self._policy, "RateLimit": f'"default";r={max(left, 0)};t={reset}'}
        if left < 0:
            error = RateLimitedError(retry_after=reset)
            error.headers |= told
            raise error
        raw = [(name.lower().encode(), value.encode()) for name, value in told.items()]

        async def told_to(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *raw]
            await send(message)

        await self.app(scope, receive, told_to)


def _client(scope: Scope) -> str:
    keys: Keys | None = getattr(scope["app"].state, "authenticator", None)
    if keys is not None:
        for name, value in scope["headers"]:
            if name == b"x-api-key" and (key := keys.cached_client_id(value.decode("latin-1"))):
                return f"key:{key}"
    address = scope["client"]
    return f"address:{client_network(address[0])}" if address else "nobody"
