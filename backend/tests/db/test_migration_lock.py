"""Processes that migrate one database, or migrate and use it, at the same time."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app.db.migrations import (
    MigrationError,
    alembic_config,
    current_revision,
    head_revision,
    lock_migrations,
    migrate,
)
from app.db.urls import libpq_url, sync_url
from app.importer.pipeline import load_deals
from app.importer.types import MergeResult, Progress, Stage
from tests.support.cli import DEALS, assert_one_line_error, command_environment, run_deals
from tests.support.databases import TestServer, connect, connect_autocommit
from tests.support.deal_files import row, write_rows
from tests.support.import_catalogue import Catalogue, Importer


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


def start_migration(pool: ThreadPoolExecutor, catalogue: Catalogue, url: str) -> Future[bool]:
    """Start the last migration, and return when it waits for another session."""
    running = pool.submit(migrate, url)
    catalogue.wait_for_a_blocked_session(unless=running.done)
    return running


@pytest.fixture
def importer(own_dsn: str, own_url: str, tmp_path: Path) -> Importer:
    """Imports into a database without the last migration."""
    importer = Importer(own_dsn, tmp_path / "deals.csv")
    importer(row())
    command.downgrade(alembic_config(own_url), "0009")
    return importer


def test_migration_waits_for_an_import(importer: Importer, own_url: str) -> None:
    started: list[Future[bool]] = []
    write_rows(importer.file, row(id="2", categories=""))
    with ThreadPoolExecutor() as pool:

        def start_at_the_checks(step: Progress) -> None:
            if step.stage is Stage.WRITING:
                with pytest.raises(MigrationError, match=r"An import still runs after 0\.05 seconds: run"):
                    migrate(own_url, lock_timeout=0.05)
                started.append(start_migration(pool, Catalogue(importer.dsn), own_url))

        report = load_deals(importer.file, dsn=importer.dsn, progress=start_at_the_checks)
        assert started[0].result()
    assert report.merged == MergeResult(deals_inserted=1)


def test_import_waits_for_a_migration(importer: Importer, own_url: str) -> None:
    with ThreadPoolExecutor() as pool, create_engine(sync_url(own_url), poolclass=NullPool).connect() as connection:
        lock_migrations(connection, timeout=1)
        running = pool.submit(importer, row(id="2", categories=""))
        Catalogue(importer.dsn).wait_for_a_blocked_session(unless=running.done)
        connection.close()
        assert running.result().merged == MergeResult(deals_inserted=1)


@pytest.mark.parametrize("table", ["categories", "hotels", "deals"])
def test_migration_waits_for_a_transaction_that_reads_before_it_writes(
    importer: Importer, own_url: str, table: str
) -> None:
    with ThreadPoolExecutor() as pool, closing(connect(own_url)) as other, other.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
        running = start_migration(pool, Catalogue(importer.dsn), own_url)
        cursor.execute(
            "INSERT INTO categories (name) VALUES ('new'); UPDATE hotels SET phone = '+2'; DELETE FROM deals"
        )
        other.commit()
        assert running.result()


@pytest.mark.slow
def test_deadlock_is_reported_in_one_line(importer: Importer, own_url: str) -> None:
    """The migration is its victim, because the other session does not look for one."""
    with ThreadPoolExecutor() as pool, closing(connect(own_url)) as other, other.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {other.info.dbname} SET deadlock_timeout = '2s'")
        other.commit()
        cursor.execute("SET LOCAL deadlock_timeout = '1h'; LOCK TABLE deals IN EXCLUSIVE MODE")
        running = start_migration(pool, Catalogue(importer.dsn), own_url)
        cursor.execute("LOCK TABLE categories IN EXCLUSIVE MODE")
        with pytest.raises(MigrationError, match="waited for each other: run `deals migrate` again"):
            running.result()
        other.rollback()
    assert migrate(own_url)


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
