"""Signals to a running service under load: graceful shutdown, deployment of a new version, replaced workers."""

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
from tests.support.api_catalogue import filled_catalogue
from tests.support.databases import TestServer
from tests.support.service_process import concurrent_clients, running_service

pytestmark = pytest.mark.slow

_INCOMPLETE_REQUEST: Final = (
    b"POST /hotels HTTP/1.1\r\nhost: deals.test\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n"
)
_LIST: Final = "/deals?limit=1"


@pytest.fixture(scope="module")
def url(server: TestServer) -> Iterator[str]:
    with server.copy() as url, filled_catalogue(url):
        yield url


@pytest.mark.parametrize(("workers", "code"), [(1, -signal.SIGTERM), (2, 0)])
def test_sigterm_fails_no_request(url: str, workers: int, code: int) -> None:
    with (
        running_service(url, workers=workers, APP_SHUTDOWN_DRAIN_TIMEOUT="1") as service,
        concurrent_clients(12, port=service.port, path=_LIST) as clients,
    ):
        clients.wait_for_responses(500)
        service.process.terminate()
        clients.join()
        assert service.process.wait(20) == code
    assert (clients.failures, set(clients.statuses)) == ([], {200})


@pytest.mark.parametrize("workers", [1, 2])
def test_readiness_is_503_while_draining_and_second_signal_stops_at_once(url: str, workers: int) -> None:
    with running_service(url, workers=workers, APP_SHUTDOWN_DRAIN_TIMEOUT="60") as service:
        assert service.get("/health/ready")[0] == 200
        with socket.create_connection(("127.0.0.1", service.port)) as slow_client:
            slow_client.sendall(_INCOMPLETE_REQUEST)
            service.process.terminate()
            service.wait_for_status("/health/ready", 503)
            assert service.get("/health/ready")[1]["error"]["details"] == [{"field": "service", "message": "draining"}]
            assert service.get("/health") == (200, {"status": "ok"})
            service.process.terminate()
            assert service.process.wait(8) is not None


@pytest.mark.parametrize("workers", [1, 2])
def test_sigint_stops_without_draining(url: str, workers: int) -> None:
    with running_service(url, workers=workers, APP_SHUTDOWN_DRAIN_TIMEOUT="60") as service:
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(20) in {0, -signal.SIGINT}


def test_next_version_replaces_old_one_without_failed_request(url: str) -> None:
    port = free_port()
    with (
        running_service(url, port=port) as old,
        concurrent_clients(8, port=port, path=_LIST) as clients,
    ):
        clients.wait_for_responses(100)
        with running_service(url, port=port, APP_CORS_ORIGINS="https://new.example") as new:
            new.wait_for_header("vary", "Origin")
            old.process.terminate()
            assert old.process.wait(20) == -signal.SIGTERM
            clients.wait_for_responses(clients.statuses.total() + 100)
            clients.stop()
    assert (clients.failures, set(clients.statuses)) == ([], {200})


def test_killed_workers_are_replaced(url: str) -> None:
    with running_service(url, workers=2) as service:
        killed = service.workers()
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        service.wait_until(lambda: len(service.workers() - killed) == len(killed) == 2)
        service.wait_for_status(_LIST, 200)


async def test_cancelled_request_ends_before_lifespan() -> None:
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        events.append("lifespan ends")

    app = FastAPI(lifespan=lifespan)
    started = asyncio.Event()

    @app.get("/")
    async def wait() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            events.append("request ends")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = Config(app, log_config=None, timeout_graceful_shutdown=0)
        serving = asyncio.create_task((server := GracefulServer(config, drain_timeout=0)).serve([listener]))
        _, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nhost: deals.test\r\n\r\n")
        await started.wait()
        server.should_exit = True
        await serving
        writer.close()
        await writer.wait_closed()
    assert events == ["request ends", "lifespan ends"]
