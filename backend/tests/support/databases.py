"""Databases for tests: one server a run, one migrated template, as many copies as tests ask for."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection
from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from app.config import Settings
from app.db.migrations import migrate
from app.db.resolve import COMPOSE_URL, is_compose_running
from app.db.statements import CompiledStatement, R, fetch_rows
from app.db.urls import libpq_url
from devtools.postgres.embedded import EmbeddedPostgres

UNSAFE_FAST_OPTIONS: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "jit": "off",
}


class ConnectionExecutor:
    """Executes reads on one connection, so that they see its transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def fetch_all(self, statement: CompiledStatement[R], values: Mapping[str, object]) -> list[R]:
        driver_connection = (await self._connection.get_raw_connection()).driver_connection
        assert driver_connection is not None
        return await fetch_rows(driver_connection, statement, values)


class TestServer:
    """Makes databases out of one template, beside the database at `url`, and drops what it made."""

    __test__ = False

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._numbers = count(1)
        self.template = self._named("template")

    @contextmanager
    def migrated_template(self) -> Iterator[None]:
        self._run(f'DROP DATABASE IF EXISTS "{self.template.database}" WITH (FORCE)')
        self._run(f'CREATE DATABASE "{self.template.database}" TEMPLATE template0')
        migrate(text_of(self.template))
        try:
            yield
        finally:
            self._run(f'DROP DATABASE "{self.template.database}" WITH (FORCE)')

    @contextmanager
    def copy(self, *, template: str | None = None) -> Iterator[str]:
        """The URL of a database of one's own, made from the migrated template unless another is named."""
        url = self._named(f"copy_{next(self._numbers)}")
        self._run(f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)')
        self._run(f'CREATE DATABASE "{url.database}" TEMPLATE "{template or self.template.database}"')
        try:
            yield text_of(url)
        finally:
            self._run(f'DROP DATABASE "{url.database}" WITH (FORCE)')

    def _named(self, suffix: str) -> URL:
        # Two runs at once on one server must not meet.
        return self._url.set(database=f"{self._url.database}_{os.getpid()}_{suffix}")

    def _run(self, statement: str) -> None:
        server = connect(text_of(self._url))
        server.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with server.cursor() as cursor:
            cursor.execute(statement)
        server.close()


@contextmanager
def test_server(settings: Settings) -> Iterator[TestServer]:
    """TEST_DATABASE_URL's server, else `super_test` beside compose's database, else a throw-away one."""
    if settings.test_database_url is not None:
        yield TestServer(settings.test_database_url.get_secret_value())
    elif is_compose_running():
        yield TestServer(_compose_test_database())
    else:
        with tempfile.TemporaryDirectory(prefix="deals-tests-") as folder:
            server = EmbeddedPostgres(Path(folder) / "data", options=UNSAFE_FAST_OPTIONS, initdb_options=["--no-sync"])
            with server.running(stop_mode="immediate") as address:
                yield TestServer(address.url)


def connect(url: str) -> connection:
    """A psycopg2 connection to the database at `url`."""
    return psycopg2.connect(libpq_url(url))


def text_of(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _compose_test_database() -> str:
    url = make_url(COMPOSE_URL).set(database="super_test")
    server = connect(COMPOSE_URL)
    server.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    with server.cursor() as cursor, suppress(errors.DuplicateDatabase):
        cursor.execute("CREATE DATABASE super_test")
    server.close()
    return text_of(url)
