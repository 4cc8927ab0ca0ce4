"""Processes that migrate one database at the same time."""

import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app.db.migrations import MigrationError, current_revision, head_revision, lock_migrations, migrate
from app.db.urls import libpq_url, sync_url
from tests.support.cli import DEALS, assert_one_line_error, command_environment, run_deals
from tests.support.databases import TestServer, connect, connect_autocommit


@pytest.fixture
def empty_url(server: TestServer) -> Iterator[str]:
    with server.copy(template="template0") as url:
        yield url


@pytest.mark.slow
def test_ten_migrations_at_once_all_succeed(empty_url: str) -> None:
    """The server's own limits do not shorten the wait for the lock."""
    with closing(connect_autocommit(empty_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {connection.info.dbname} SET lock_timeout = '50ms'")
        cursor.execute(f"ALTER DATABASE {connection.info.dbname} SET statement_timeout = '5s'")
    environment = command_environment(empty_url)
    processes = [
        subprocess.Popen([DEALS, "migrate"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(10)
    ]
    outputs = [(process.communicate()[0].decode(), process.returncode) for process in processes]
    assert {(output.partition(":")[0], code) for output, code in outputs} <= {
        ("Migrated", 0),
        ("Already up to date", 0),
    }
    assert current_revision(empty_url) == head_revision()


def test_wait_for_another_migration_is_bounded(empty_url: str) -> None:
    with create_engine(sync_url(empty_url), poolclass=NullPool).connect() as connection:
        lock_migrations(connection, timeout=1)
        with pytest.raises(MigrationError, match=r"Another process still migrates the database after 0\.05 seconds\."):
            migrate(empty_url, lock_timeout=0.05)
    assert migrate(empty_url)


def test_obstacle_in_the_database_is_reported_in_one_line(empty_url: str) -> None:
    url = f"{libpq_url(empty_url)}&options=-c%20search_path%3Dabsent"
    assert_one_line_error(run_deals(url, "migrate"), "search_path of the connection names no schema that exists")
    with closing(connect(empty_url)) as other, other.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {other.info.dbname} SET lock_timeout = '50ms'")
        other.commit()
        cursor.execute("CREATE TABLE alembic_version (n int)")
        assert_one_line_error(run_deals(empty_url, "migrate"), "A table is locked by another session")


def test_schema_of_the_search_path_is_migrated(empty_url: str) -> None:
    with closing(connect_autocommit(empty_url)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA shop")
    url = f"{libpq_url(empty_url)}&options=-c%20search_path%3Dshop"
    assert migrate(url)
    assert not migrate(url)
    assert current_revision(url) == head_revision()
    assert current_revision(empty_url) is None
