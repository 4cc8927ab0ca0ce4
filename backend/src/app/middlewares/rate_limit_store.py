"""How many requests each client has made in the current window: in this process, or in all by way of Redis."""

import asyncio
from typing import Final, Protocol

import structlog
from limits.aio.storage import RedisStorage
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

_PATIENCE_SECONDS: Final = 0.05
_PAUSE_SECONDS: Final = 1.0
_CONNECTIONS: Final = 16
_CLIENTS: Final = 100_000

log = structlog.get_logger("redis")


class RateLimitStore(Protocol):
    """Counts requests."""

    async def add(self, client: str, *, window: int) -> int:
        """Count one more request of `client` in the window of this number; how many there are."""

    async def close(self) -> None:
        """Let go of everything that is held."""


class InMemoryRateLimitStore:
    """Of this process. It forgets the window before: it holds one number for each client of the current one.

    One client more than `most`, and it forgets all of them: a limit that many could exhaust would shut out newcomers.
    (The memory storage of `limits` looks through all its clients at every request.)
    """

    def __init__(self, *, most: int = _CLIENTS) -> None:
        self._most = most
        self._window = 0
        self._counts: dict[str, int] = {}

    async def add(self, client: str, *, window: int) -> int:
        if window != self._window:
            self._window, self._counts = window, {}
        count = self._counts.get(client, 0) + 1
        if count == 1 and len(self._counts) >= self._most:
            self._counts = {}
        self._counts[client] = count
        return count

    async def close(self) -> None:
        self._counts = {}


class RedisRateLimitStore:
    """Of all processes, in Redis; while that does not answer within 50 ms, or takes no writes, of this process.

    Only requests that are under way when it falls silent wait for it: after that it is tried aside, once a second. Each
    command has a connection to itself, and one that was given up is closed, so no answer reaches another's question.
    """

    def __init__(self, url: str, *, seconds: int) -> None:
        self._seconds = seconds
        self._pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=_PATIENCE_SECONDS,
            socket_timeout=_PATIENCE_SECONDS,
            socket_connect_timeout=_PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._storage = RedisStorage(
            url,
            implementation="redispy",
            key_prefix="deals:requests",
            connection_pool=self._pool,  # type: ignore[arg-type]  # documented, and not annotated
        )
        self._local = InMemoryRateLimitStore()
        self._trial: asyncio.Task[None] | None = None

    async def add(self, client: str, *, window: int) -> int:
        count = await self._local.add(client, window=window)
        if self._trial is None:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    return await self._storage.incr(f"{client}:{window}", self._seconds)
            except (RedisError, OSError, TimeoutError) as error:
                self._pause(error)
        return count

    async def close(self) -> None:
        if self._trial is not None:
            self._trial.cancel()
        await self._pool.disconnect()

    def _pause(self, error: Exception) -> None:
        if self._trial is None:
            log.warning("redis_does_not_answer", error=type(error).__name__)
            self._trial = asyncio.create_task(self._wait_for_answer())

    async def _wait_for_answer(self) -> None:
        try:
            counts = False
            while not counts:
                await asyncio.sleep(_PAUSE_SECONDS)
                counts = await self._counts_again()
            log.info("redis_answers_again")
        finally:
            self._trial = None

    async def _counts_again(self) -> bool:
        """Whether Redis takes a write: without memory, or as a replica, it would still answer a read."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._storage.incr("trial", self._seconds)
        except (RedisError, OSError, TimeoutError):
            return False
        return True
