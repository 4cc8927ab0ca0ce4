"""Databases for tests: one server per process, one migrated template, and a copy of it for each test that commits."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

import psycopg2
from psycopg2.errors import DuplicateDatabase
from psycopg2.extensions import connection
from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from app.config import Settings
from app.db.migrations import migrate
from app.db.resolve import COMPOSE_URL, is_compose_running
from app.db.statements import CompiledStatement, R, fetch_rows
from app.db.urls import libpq_url
from devtools.postgres import EmbeddedPostgres

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
    """Creates databases on the server of `url`, and drops them. Their names contain the process id."""

    __test__ = False

    def __init__(self, url: URL, administrator: connection) -> None:
        self._url = url
        self._administrator = administrator
        self._numbers = count(1)
        self.template = f"{url.database}_{os.getpid()}_template"

    @contextmanager
    def migrated_template(self) -> Iterator[None]:
        with self._database(self.template, template="template0") as url:
            migrate(url)
            yield

    @contextmanager
    def copy(self, *, template: str | None = None, options: str = "") -> Iterator[str]:
        """The URL of a new database, dropped afterwards; migrated and empty unless `template` names another one.

        `options` are those of CREATE DATABASE.
        """
        name = f"{self._url.database}_{os.getpid()}_{next(self._numbers)}"
        with self._database(name, template=template or self.template, options=options) as url:
            yield url

    @contextmanager
    def _database(self, name: str, *, template: str, options: str = "") -> Iterator[str]:
        drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
        self._execute(drop)  # a killed run may have had the same process id
        try:
            # PostgreSQL's default strategy takes twice as long.
            self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy {options}')
            yield to_text(self._url.set(database=name))
        finally:
            self._execute(drop)

    def _execute(self, statement: str) -> None:
        with self._administrator.cursor() as cursor:
            cursor.execute(statement)


@contextmanager
def test_server(settings: Settings) -> Iterator[TestServer]:
    """The server of TEST_DATABASE_URL, else the running compose database, else a new embedded server.

    The database of the URL itself, `super_test` with compose, stays empty.
    """
    with ExitStack() as stack:
        if settings.test_database_url is not None:
            url = settings.test_database_url.get_secret_value()
        elif is_compose_running():
            url = _create_compose_database()
        else:
            url = stack.enter_context(_embedded_server())
        administrator = stack.enter_context(closing(connect_autocommit(url)))
        server = TestServer(make_url(libpq_url(url)), administrator)
        stack.enter_context(server.migrated_template())
        yield server


def connect(url: str) -> connection:
    """A psycopg2 connection to the database at `url`."""
    return psycopg2.connect(libpq_url(url))


def connect_autocommit(url: str) -> connection:
    """A psycopg2 connection on which each statement is a transaction."""
    opened = connect(url)
    opened.autocommit = True
    return opened


def to_text(url: URL) -> str:
    """The URL as text, with its password."""
    return url.render_as_string(hide_password=False)


@contextmanager
def _embedded_server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="server-") as folder:
        server = EmbeddedPostgres(Path(folder) / "data", options=UNSAFE_FAST_OPTIONS, initdb_options=["--no-sync"])
        with server.running(stop_mode="immediate") as address:
            yield address.url


def _create_compose_database() -> str:
    with closing(connect_autocommit(COMPOSE_URL)) as server, server.cursor() as cursor, suppress(DuplicateDatabase):
        cursor.execute("CREATE DATABASE super_test")
    return to_text(make_url(COMPOSE_URL).set(database="super_test"))
