"""Databases of a benchmark run: created for the run, dropped after it."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection
from sqlalchemy import make_url

from app.db.urls import libpq_url
from devtools.postgres import EmbeddedPostgres

_SERVER_OPTIONS: Final = {"autovacuum": "off", "checkpoint_timeout": "1h"}
"""Durable defaults; background work that would disturb one measurement and not another is triggered explicitly."""


class ScratchServer:
    """Creates databases on the server of `url`, and never changes the database that `url` names."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)

    @contextmanager
    def database(self, name: str, *, template: str = "template0") -> Iterator[str]:
        """Create a database, as a copy of the scratch database `template` if set; yields its libpq URL."""
        database, source = self._qualify(name), template if template == "template0" else self._qualify(template)
        self._run(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        self._run(f'CREATE DATABASE "{database}" TEMPLATE "{source}"')
        try:
            yield libpq_url(self._url.set(database=database).render_as_string(hide_password=False))
        finally:
            self._run(f'DROP DATABASE "{database}" WITH (FORCE)')

    def checkpoint(self) -> None:
        """Write out dirty pages, so that they are not written during a measurement."""
        self._run("CHECKPOINT")

    def get_version(self) -> str:
        """The version of PostgreSQL."""
        return str(fetch(self._url.render_as_string(hide_password=False), "SHOW server_version")[0][0]).split()[0]

    def _qualify(self, name: str) -> str:
        return f"{self._url.database}_bench_{name}"

    def _run(self, statement: str) -> None:
        execute(self._url.render_as_string(hide_password=False), statement)


@contextmanager
def scratch_server(url: str | None) -> Iterator[ScratchServer]:
    """The server of `url`, or a temporary durable server if it is None."""
    if url is not None:
        yield ScratchServer(url)
        return
    with tempfile.TemporaryDirectory(prefix="deals-bench-") as folder:
        server = EmbeddedPostgres(Path(folder) / "data", options=_SERVER_OPTIONS, initdb_options=["--no-sync"])
        with server.running() as address:
            yield ScratchServer(address.url)


def execute(url: str, *statements: str) -> None:
    """Execute each statement in a transaction of its own."""
    with closing(_connect(url)) as server, server.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def fetch(url: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(_connect(url)) as server, server.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def _connect(url: str) -> connection:
    server = psycopg2.connect(libpq_url(url))
    server.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    return server
