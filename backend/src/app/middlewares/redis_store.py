"""Request counters for the rate limit, shared between processes through Redis."""

import asyncio
from typing import Final

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.auth.throttle import WindowCounter

_TIMEOUT_SECONDS: Final = 0.05
_PROBE_INTERVAL_SECONDS: Final = 1.0
_MAX_CONNECTIONS: Final = 16
_KEY_PREFIX: Final = "deals:requests"
_INCREMENT: Final = """
    local count = redis.call('INCR', KEYS[1])
    if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
    return count
"""
"""A script, because redis-py needs twice the CPU time for a pipeline of the two commands."""

log = structlog.get_logger("redis")


class RedisRateLimitStore:
    """Counts the requests of all processes in Redis, and those of this process as a fallback.

    If Redis does not respond within 50 ms or rejects a write, the circuit opens: the counts of this process apply, and
    only requests in flight at that moment have waited. A background task probes Redis once a second and closes the
    circuit. A cancelled command closes its connection, so its response cannot be read as that of another command.
    """

    def __init__(self, url: str, *, window_seconds: int) -> None:
        self._window_seconds = window_seconds
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_MAX_CONNECTIONS,
            timeout=_TIMEOUT_SECONDS,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis.from_pool(pool)
        self._fallback = WindowCounter()
        self._probe_task: asyncio.Task[None] | None = None

    async def add(self, client: str, *, window: int) -> int:
        count = self._fallback.add(client, window=window)
        if self._probe_task is None:
            try:
                return await self._increment(f"{client}:{window}")
            except (RedisError, OSError, TimeoutError) as error:
                self._open_circuit(error)
        return count

    async def close(self) -> None:
        if self._probe_task is not None:
            self._probe_task.cancel()
        await self._redis.aclose()

    async def _increment(self, name: str) -> int:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            count = await self._redis.eval(_INCREMENT, 1, f"{_KEY_PREFIX}:{name}", self._window_seconds)
        return int(count)

    def _open_circuit(self, error: Exception) -> None:
        if self._probe_task is None:
            log.warning("redis_unavailable", error=type(error).__name__)
            self._probe_task = asyncio.create_task(self._probe_until_available())

    async def _probe_until_available(self) -> None:
        try:
            is_available = False
            while not is_available:
                await asyncio.sleep(_PROBE_INTERVAL_SECONDS)
                is_available = await self._probe()
            log.info("redis_available")
        finally:
            self._probe_task = None

    async def _probe(self) -> bool:
        """Whether Redis accepts a write; a replica, or a Redis without free memory, accepts only reads."""
        try:
            await self._increment("probe")
        except (RedisError, OSError, TimeoutError):
            return False
        return True
