"""The log of `deals serve` in production: every line is JSON, and it explains what an operator needs to know."""

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from subprocess import Popen
from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.support.api_keys import SECRET
from tests.support.cli import running_deals
from tests.support.production_database import ProductionServer

pytestmark = pytest.mark.slow

PRODUCTION: Final = {"APP_ENV": "production", "AUTH_MODE": "writes", "APP_AUTH_KEY_SECRET": SECRET}
_TIMEOUT: Final = 30


@dataclass(frozen=True, slots=True)
class LoggedService:
    process: Popen[bytes]
    port: int
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """All complete lines of standard output and standard error. Fails unless each is a JSON object."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        assert all(isinstance(line, dict) and {"event", "level", "timestamp"} <= line.keys() for line in lines)
        return lines

    def wait_for(self, condition: Callable[[list[dict[str, Any]]], object]) -> list[dict[str, Any]]:
        deadline = time.monotonic() + _TIMEOUT
        while not condition(lines := self.lines()):
            assert time.monotonic() < deadline, lines
            time.sleep(0.05)
        return lines

    def workers(self) -> list[int]:
        events = " ".join(line["event"] for line in self.lines())
        return [int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", events)]

    def get(self, path: str) -> int:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status


@contextmanager
def logged_service(url: str, log: Path, *options: str, **variables: str) -> Iterator[LoggedService]:
    with running_deals(url, "serve", *options, output=log, **PRODUCTION, **variables) as (process, port):
        yield LoggedService(process, port, log)


def test_every_line_is_json_from_start_to_shutdown(production: ProductionServer, tmp_path: Path) -> None:
    """Also uncaught errors of modules that it imports: warnings, threads, finalizers, tasks, a worker's event loop."""
    (tmp_path / "sitecustomize.py").write_text(_FAULTS)
    failure = tmp_path / "failure"
    variables = {"PYTHONPATH": str(tmp_path), "FAILURE": str(failure), "PYTHONWARNINGS": "always"}
    hosts = ",".join([f"{quote(str(production.address.directory), safe='')}:5432"] * 2)
    url = f"postgresql://deals_app:hunter2@{hosts}/super?target_session_attrs=read-write"
    with logged_service(url, tmp_path / "log", "--workers", "2", **variables) as service:
        service.wait_for(lambda _: len(service.workers()) == 2)
        assert service.get("/nothing") == 404
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(b"nonsense\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 400")
        production.execute("ALTER TABLE categories RENAME TO misplaced")
        assert service.get("/categories") == 503
        production.execute("ALTER TABLE misplaced RENAME TO categories")
        service.wait_for(lambda lines: any(line.get("status") == 503 for line in lines))
        os.kill(service.workers()[0], signal.SIGKILL)
        service.wait_for(lambda _: len(service.workers()) == 3)
        failure.touch()  # a worker that fails is replaced
        service.wait_for(lambda _: len(service.workers()) == 4)
        service.process.terminate()
        assert service.process.wait(_TIMEOUT) == 0
    lines = service.lines()
    events = [line["event"] for line in lines]
    assert "hunter2" not in (tmp_path / "log").read_text()
    [invalid] = [line for line in lines if line["event"] == "invalid_request"]
    assert (invalid["level"], invalid["address"], invalid["code"]) == ("info", "127.0.0.1", "bad_request")
    assert len(invalid["request_id"]) == 32
    for part in ("Invalid HTTP request", "died", "worker_failed", *_UNCAUGHT):
        assert any(part in event for event in events), part
    assert events[-1].startswith("Stopping parent process")
    assert [line["level"] for line in lines if line.get("status") in {404, 503}] == ["info", "error"]
    assert events[0] == "service_starting"
    assert lines[0] | {"database": "", "schema_revision": "", "version": "", "timestamp": ""} == {
        "event": "service_starting",
        "level": "info",
        "listening": f"http://127.0.0.1:{service.port}",
        "workers": 2,
        "pool_size": 5,
        "pool_max_overflow": 10,
        "log_level": "INFO",
        "write_auth": True,
        **dict.fromkeys(("database", "schema_revision", "version", "timestamp"), ""),
    }
    assert lines[0]["database"] == ",".join([f"{production.address.directory}:5432"] * 2) + "/super"
    assert lines[0]["schema_revision"] == production.execute("SELECT version_num FROM alembic_version")


def test_outage_is_logged_once_when_it_begins_and_once_when_it_ends(
    production: ProductionServer, tmp_path: Path
) -> None:
    sockets = production.address.directory.with_name("sockets")  # the path of a socket is limited to 107 bytes
    sockets.symlink_to(production.address.directory)
    url = production.url("deals_app").replace(str(production.address.directory), str(sockets))
    with logged_service(url, tmp_path / "log") as service:
        assert service.get("/categories") == 200
        sockets.unlink()
        production.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'deals_app'")
        assert [service.get("/categories") for _ in range(3)] == [503] * 3
        sockets.symlink_to(production.address.directory)
        assert [service.get("/categories") for _ in range(3)] == [200] * 3
        service.wait_for(lambda lines: [line.get("status") for line in lines].count(200) == 4)
    lines = [line for line in service.lines() if line["event"].startswith("database_")]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("database_unavailable", "error"),
        ("database_available", "info"),
    ]
    assert lines[1]["seconds"] >= 0
    assert {line["cause"] for line in service.lines() if line.get("status") == 503} == {"database_unavailable"}


_UNCAUGHT: Final = ("uncaught_exception", "unraisable_exception", "Task exception was", "UserWarning: careful")
_FAULTS: Final = """
import sys

if "spawn_main" in " ".join(sys.orig_argv):
    import asyncio, gc, os, threading, warnings
    from starlette.applications import Starlette
    from uvicorn import Server

    class Unraisable:
        def __del__(self):
            raise ValueError("a finalizer")

    async def fail():
        raise ValueError("a task")

    def raise_error():
        raise ValueError("a thread")

    call, tick = Starlette.__call__, Server.on_tick

    async def fail_often(self, scope, receive, send):
        if scope["type"] != "lifespan":
            threading.Thread(target=raise_error).start()
            Unraisable()
            warnings.warn("careful")
            task = asyncio.create_task(fail())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            del task
            gc.collect()
        await call(self, scope, receive, send)

    async def fail_once(self, counter):
        try:
            os.unlink(os.environ["FAILURE"])
        except FileNotFoundError:
            return await tick(self, counter)
        raise ValueError("a worker")

    Starlette.__call__, Server.on_tick = fail_often, fail_once
"""
