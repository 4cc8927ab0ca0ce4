"""Counting requests in a real Redis: together, through its death, and with commands that are given up."""

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

from app.middlewares.rate_limit_store import RedisRateLimitStore
from system_tests.programs import redis
from tests.support.service_process import Service, free_port, service

_STRIDE: Final = 1_000_000
_PATIENCE_SECONDS: Final = 20


@pytest.fixture
def redis_port() -> int:
    return free_port()


@asynccontextmanager
async def counting(port: int) -> AsyncIterator[RedisRateLimitStore]:
    counts = RedisRateLimitStore(f"redis://127.0.0.1:{port}", seconds=3600)
    yield counts
    await counts.close()


async def shared(counts: RedisRateLimitStore, client: str, *, least: int) -> int:
    """Count `client` until the answer can only be the Redis's, which has `least` already."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while (count := await counts.add(client, window=1)) < least:  # noqa: ASYNC110  nothing tells that it is back
            await asyncio.sleep(0.02)
        return count


async def test_processes_count_together(redis_port: int, tmp_path: Path) -> None:
    with redis(redis_port, tmp_path):
        async with counting(redis_port) as one, counting(redis_port) as other:
            answers = [await counts.add("address:192.0.2.1", window=1) for counts in (one, other, one, other)]
            assert answers == [1, 2, 3, 4]
            assert await one.add("address:192.0.2.2", window=1) == 1
            assert await other.add("address:192.0.2.1", window=2) == 1


@pytest.mark.parametrize("fault", ["frozen", "killed"])
async def test_a_fault_is_survived_and_then_redis_counts_again(redis_port: int, tmp_path: Path, fault: str) -> None:
    async with counting(redis_port) as counts:
        with redis(redis_port, tmp_path) as process:
            for n in range(1, 6):
                assert await counts.add("address:192.0.2.1", window=1) == n
            process.send_signal(signal.SIGSTOP if fault == "frozen" else signal.SIGKILL)
            # What this process has counted itself is known without Redis.
            assert [await counts.add("address:192.0.2.1", window=1) for _ in range(20)] == list(range(6, 26))
            process.send_signal(signal.SIGCONT)
            if fault == "frozen":
                await counts._storage.incr("address:192.0.2.9:1", 3600, amount=_STRIDE)
                assert await shared(counts, "address:192.0.2.9", least=_STRIDE) > _STRIDE
        with redis(redis_port, tmp_path):
            async with counting(redis_port) as another:
                await another._storage.incr("address:192.0.2.8:1", 3600, amount=_STRIDE)
            assert await shared(counts, "address:192.0.2.8", least=_STRIDE) > _STRIDE


async def test_one_that_takes_no_writes_is_not_believed_to_count_again(redis_port: int, tmp_path: Path) -> None:
    with redis(redis_port, tmp_path):
        async with Redis(port=redis_port) as administration, counting(redis_port) as counts:
            await administration.config_set("maxmemory", 1)
            await counts.add("address:192.0.2.1", window=1)
            trial = counts._trial
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while (await administration.info("errorstats"))["errorstat_OOM"]["count"] < 3:
                    await counts.add("address:192.0.2.1", window=1)
                    assert counts._trial is trial
                    await asyncio.sleep(0.02)
            await administration.config_set("maxmemory", 0)
            await administration.incrby("deals:requests:address:192.0.2.9:1", _STRIDE)
            assert await shared(counts, "address:192.0.2.9", least=_STRIDE) > _STRIDE


async def test_a_command_that_is_given_up_leaves_its_answer_to_nobody(redis_port: int, tmp_path: Path) -> None:
    """Each client's count is in a range of its own, so an answer that reaches another one is seen."""
    seed = secrets.randbits(32)
    chance = random.Random(seed)  # noqa: S311  nothing secret depends on it
    with redis(redis_port, tmp_path):
        async with counting(redis_port) as counts:
            for n in range(50):
                await counts._storage.incr(f"{n}:1", 3600, amount=n * _STRIDE)
            answered = 0
            for _ in range(100):
                tasks = {n: asyncio.create_task(counts._storage.incr(f"{n}:1", 3600)) for n in range(50)}
                await asyncio.sleep(chance.random() * 0.004)
                for n in chance.sample(range(50), 25):
                    tasks[n].cancel()
                counted = dict(zip(tasks, await asyncio.gather(*tasks.values(), return_exceptions=True), strict=True))
                for n, count in counted.items():
                    if isinstance(count, int):
                        answered += 1
                        assert count // _STRIDE == n, f"seed {seed}"
            assert answered > 1000


def statuses(running: Service, number: int) -> list[int]:
    return [running.get("/nothing")[0] for _ in range(number)]


def test_two_services_share_a_limit_and_live_on_without_it(url: str, redis_port: int, tmp_path: Path) -> None:
    limited = partial(service, url, APP_RATE_LIMIT="6/day", APP_REDIS_URL=f"redis://127.0.0.1:{redis_port}")
    with redis(redis_port, tmp_path) as process, limited() as one, limited() as other:
        assert statuses(one, 3) + statuses(other, 4) == [404] * 6 + [429]
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert statuses(one, 4) == [404] * 3 + [429]  # by its own count
        assert one.get("/health/ready")[0] == http.client.OK
