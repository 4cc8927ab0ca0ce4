"""Embedded servers for tests, and other processes that use the same data directory."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg2
import pytest

from devtools.postgres import EmbeddedPostgres

UNSAFE_OPTIONS: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_INITDB_OPTIONS: Final = ("--no-sync", "--wal-segsize=1")
_OTHER_USER: Final = """
import sys
from pathlib import Path
from devtools.postgres import EmbeddedPostgres

server = EmbeddedPostgres(Path(sys.argv[1]), options={"fsync": "off"}, initdb_options=["--no-sync", "--wal-segsize=1"])
with server.running() as address:
    print(address.libpq_url, flush=True)
    sys.stdin.read()
"""


def embedded_server(data: Path, **options: str) -> EmbeddedPostgres:
    return EmbeddedPostgres(data, options=UNSAFE_OPTIONS | options, initdb_options=_INITDB_OPTIONS)


def fetch_value(url: str, statement: str) -> str:
    """Execute and commit a statement. Returns the first value as text, empty if there is none."""
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return str(row[0]) if row else ""
    finally:
        connection.close()


def server_start_time(url: str) -> str:
    """Differs between two runs of a server."""
    return fetch_value(url, "SELECT pg_postmaster_start_time()")


def postmaster_pid(data: Path) -> int:
    return int((data / "cluster" / "postmaster.pid").read_text().split()[0])


@contextmanager
def other_process(data: Path, **environment: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Another process that uses the server until the end of the block, and its URL."""
    command = [sys.executable, "-c", _OTHER_USER, str(data)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process


def leave_orphan(data: Path, **environment: str) -> str:
    """Start a server from a process that is killed. Returns the server's URL."""
    with other_process(data, **environment) as (url, process):
        process.kill()
    return url


def assert_stopped(url: str) -> None:
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(url)
