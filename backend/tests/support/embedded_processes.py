"""Servers of a data folder, and other processes that use them too."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg2
import pytest

from devtools.postgres.embedded import EmbeddedPostgres

QUICK: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
NEIGHBOUR: Final = """
import sys
from pathlib import Path
from devtools.postgres.embedded import EmbeddedPostgres

server = EmbeddedPostgres(Path(sys.argv[1]), options={"fsync": "off"}, initdb_options=["--no-sync", "--wal-segsize=1"])
with server.running() as address:
    print(address.libpq_url, flush=True)
    sys.stdin.read()
"""


def embedded(data: Path, **options: str) -> EmbeddedPostgres:
    return EmbeddedPostgres(data, options=QUICK | options, initdb_options=["--no-sync", "--wal-segsize=1"])


def ask(url: str, statement: str) -> str:
    """The first value of the answer as text, empty if there is none; committed."""
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return str(row[0]) if row else ""
    finally:
        connection.close()


def birth(url: str) -> str:
    """Tells one run of a server from the next."""
    return ask(url, "SELECT pg_postmaster_start_time()")


def postmaster(data: Path) -> int:
    return int((data / "cluster" / "postmaster.pid").read_text().split()[0])


@contextmanager
def neighbour(data: Path, **environment: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Another process that uses the server until the end of the block, and the URL it got."""
    command = [sys.executable, "-c", NEIGHBOUR, str(data)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process


def orphan(data: Path, **environment: str) -> str:
    """The URL of the server that a killed process used."""
    with neighbour(data, **environment) as (url, process):
        process.kill()
    return url


def assert_stopped(url: str) -> None:
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(url)
