"""Signals to the service under load, in processes of its own."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from fastapi import FastAPI
from uvicorn import Config

from app.server.graceful_shutdown import GracefulServer
from devtools.ports import free_port
from tests.support.api_catalogue import Catalogue
from tests.support.databases import TestServer
from tests.support.service_process import Load, service

pytestmark = pytest.mark.slow

HALF_A_REQUEST: Final = (
    b"POST /hotels HTTP/1.1\r\nhost: deals.test\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n"
)


@pytest.fixture(scope="module")
def url(server: TestServer) -> Iterator[str]:
    with server.copy() as url, Catalogue.filled(url):
        yield url


@pytest.mark.parametrize(("workers", "code"), [(1, -signal.SIGTERM), (2, 0)])
def test_every_request_is_answered_though_the_service_is_told_to_stop(url: str, workers: int, code: int) -> None:
    with (
        service(url, workers=workers, APP_SHUTDOWN_DRAIN_TIMEOUT="1") as running,
        Load.of(12, port=running.port, path="/deals?limit=1") as load,
    ):
        load.wait_for_answers(500)
        running.process.terminate()
        load.join()
        assert running.process.wait(20) == code
    assert (load.failures, set(load.statuses)) == ([], {200})


@pytest.mark.parametrize("workers", [1, 2])
def test_it_says_first_that_it_will_stop_and_a_second_signal_waits_for_nobody(url: str, workers: int) -> None:
    with service(url, workers=workers, APP_SHUTDOWN_DRAIN_TIMEOUT="60") as running:
        assert running.get("/health/ready")[0] == 200
        with socket.create_connection(("127.0.0.1", running.port)) as slow:
            slow.sendall(HALF_A_REQUEST)
            running.process.terminate()
            running.wait_for("/health/ready", 503)
            assert running.get("/health/ready")[1]["error"]["details"] == [{"field": "service", "message": "draining"}]
            assert running.get("/health") == (200, {"status": "ok"})
            running.process.terminate()
            assert running.process.wait(8) is not None


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_does_not_drain(url: str, workers: int) -> None:
    with service(url, workers=workers, APP_SHUTDOWN_DRAIN_TIMEOUT="60") as running:
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(20) in {0, -signal.SIGINT}


def test_the_next_version_takes_over_without_a_failed_request(url: str) -> None:
    port = free_port()
    with service(url, port=port) as old, Load.of(8, port=port, path="/deals?limit=1") as load:
        load.wait_for_answers(100)
        with service(url, port=port, APP_CORS_ORIGINS="https://new.example") as new:
            new.wait_for_header("vary", "Origin")
            old.process.terminate()
            assert old.process.wait(20) == -signal.SIGTERM
            load.wait_for_answers(load.statuses.total() + 100)
            load.stop()
    assert (load.failures, set(load.statuses)) == ([], {200})


def test_workers_that_were_killed_are_replaced(url: str) -> None:
    with service(url, workers=2) as running:
        killed = running.workers()
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        running.wait_until(lambda: len(running.workers() - killed) == len(killed) == 2)
        running.wait_for("/deals?limit=1", 200)


async def test_what_is_cut_ends_before_the_lifespan_does() -> None:
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        events.append("the lifespan ends")

    app = FastAPI(lifespan=lifespan)
    begun = asyncio.Event()

    @app.get("/")
    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            events.append("the request ends")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = Config(app, log_config=None, timeout_graceful_shutdown=0)
        serving = asyncio.create_task((server := GracefulServer(config, seconds=0)).serve([listener]))
        _, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nhost: deals.test\r\n\r\n")
        await begun.wait()
        server.should_exit = True
        await serving
        writer.close()
        await writer.wait_closed()
    assert events == ["the request ends", "the lifespan ends"]
