"""Rate limit counters in a real Redis: shared by processes, and robust against its failures and cancelled commands."""

import asyncio
import http.client
import random
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from redis.asyncio import Redis

from app.middlewares.redis_store import RedisRateLimitStore
from devtools.ports import free_port
from system_tests.programs import redis
from tests.support.service_process import ServiceProcess, running_service

_STRIDE: Final = 1_000_000
_TIMEOUT_SECONDS: Final = 20


@pytest.fixture
def redis_port() -> int:
    return free_port()


@asynccontextmanager
async def open_store(port: int) -> AsyncIterator[RedisRateLimitStore]:
    store = RedisRateLimitStore(f"redis://127.0.0.1:{port}", window_seconds=3600)
    yield store
    await store.close()


async def set_count(port: int, client: str, count: int) -> None:
    """Set a client's count for window 1 in Redis itself."""
    async with Redis(port=port) as administration:
        await administration.set(f"deals:requests:{client}:1", count)


async def add_until_shared(store: RedisRateLimitStore, client: str) -> int:
    """Count `client` until the result comes from Redis, where its count starts at _STRIDE."""
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        while (count := await store.add(client, window=1)) < _STRIDE:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.02)
        return count


async def test_processes_share_counts(redis_port: int, tmp_path: Path) -> None:
    with redis(redis_port, tmp_path):
        async with open_store(redis_port) as one, open_store(redis_port) as other:
            counts = [await store.add("address:192.0.2.1", window=1) for store in (one, other, one, other)]
            assert counts == [1, 2, 3, 4]
            assert await one.add("address:192.0.2.2", window=1) == 1
            assert await other.add("address:192.0.2.1", window=2) == 1


async def test_counts_expire(redis_port: int, tmp_path: Path) -> None:
    with redis(redis_port, tmp_path):
        async with open_store(redis_port) as store, Redis(port=redis_port) as administration:
            await store.add("address:192.0.2.1", window=1)
            assert 3590 < await administration.ttl("deals:requests:address:192.0.2.1:1") <= 3600


@pytest.mark.parametrize("failure", ["frozen", "killed"])
async def test_own_counts_apply_while_redis_is_unavailable(redis_port: int, tmp_path: Path, failure: str) -> None:
    async with open_store(redis_port) as store:
        with redis(redis_port, tmp_path) as process:
            for n in range(1, 6):
                assert await store.add("address:192.0.2.1", window=1) == n
            process.send_signal(signal.SIGSTOP if failure == "frozen" else signal.SIGKILL)
            assert [await store.add("address:192.0.2.1", window=1) for _ in range(20)] == list(range(6, 26))
            process.send_signal(signal.SIGCONT)
            if failure == "frozen":
                await set_count(redis_port, "address:192.0.2.9", _STRIDE)
                assert await add_until_shared(store, "address:192.0.2.9") > _STRIDE
        with redis(redis_port, tmp_path):
            await set_count(redis_port, "address:192.0.2.8", _STRIDE)
            assert await add_until_shared(store, "address:192.0.2.8") > _STRIDE


async def test_redis_that_rejects_writes_stays_unavailable(redis_port: int, tmp_path: Path) -> None:
    with redis(redis_port, tmp_path):
        async with Redis(port=redis_port) as administration, open_store(redis_port) as store:
            await administration.config_set("maxmemory", 1)
            await store.add("address:192.0.2.1", window=1)
            probe_task = store._probe_task
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                while (await administration.info("errorstats"))["errorstat_OOM"]["count"] < 3:
                    await store.add("address:192.0.2.1", window=1)
                    assert store._probe_task is probe_task
                    await asyncio.sleep(0.02)
            await administration.config_set("maxmemory", 0)
            await set_count(redis_port, "address:192.0.2.9", _STRIDE)
            assert await add_until_shared(store, "address:192.0.2.9") > _STRIDE


async def test_response_to_cancelled_command_is_never_read_by_another(redis_port: int, tmp_path: Path) -> None:
    """Each client's count is in a range of its own, so that a response to another client's command is recognised."""
    seed = secrets.randbits(32)
    chance = random.Random(seed)  # noqa: S311  not a secret
    with redis(redis_port, tmp_path):
        async with open_store(redis_port) as store:
            for n in range(50):
                await set_count(redis_port, str(n), n * _STRIDE)
            completed = 0
            for _ in range(100):
                tasks = {n: asyncio.create_task(store._increment(f"{n}:1")) for n in range(50)}
                await asyncio.sleep(chance.random() * 0.004)
                for n in chance.sample(range(50), 25):
                    tasks[n].cancel()
                results = dict(zip(tasks, await asyncio.gather(*tasks.values(), return_exceptions=True), strict=True))
                for n, count in results.items():
                    if isinstance(count, int):
                        completed += 1
                        assert count // _STRIDE == n, f"seed {seed}"
            assert completed > 1000


def get_statuses(running: ServiceProcess, number: int) -> list[int]:
    return [running.get("/nothing")[0] for _ in range(number)]


def test_services_share_a_limit_and_work_without_redis(url: str, redis_port: int, tmp_path: Path) -> None:
    limited = partial(running_service, url, APP_RATE_LIMIT="6/day", APP_REDIS_URL=f"redis://127.0.0.1:{redis_port}")
    with redis(redis_port, tmp_path) as process, limited() as one, limited() as other:
        assert get_statuses(one, 3) + get_statuses(other, 4) == [404] * 6 + [429]
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert get_statuses(one, 4) == [404] * 3 + [429], "by the counts of its own process"
        assert one.get("/health/ready")[0] == http.client.OK
