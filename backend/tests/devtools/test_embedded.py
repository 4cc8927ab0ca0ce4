"""The embedded PostgreSQL: real servers, shared, killed and restarted."""

import os
import shutil
import signal
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from devtools.postgres import EmbeddedPostgres, EmbeddedPostgresError, ServerAddress
from devtools.postgres.account import bundled_programs, candidate_accounts, first_usable
from devtools.postgres.address import default_socket_directory
from tests.support.embedded_processes import (
    UNSAFE_OPTIONS,
    assert_stopped,
    embedded_server,
    fetch_value,
    leave_orphan,
    other_process,
    postmaster_pid,
    server_start_time,
)

pytestmark = pytest.mark.slow


async def test_new_directory_gets_server_that_stops_with_its_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "9")
    data = tmp_path / "not yet" / "data"
    with embedded_server(data).running(stop_mode="immediate") as address:
        engine = create_async_engine(address.url)
        async with engine.connect() as connection:
            row = (
                await connection.execute(text("SELECT current_user, current_database(), lower('Ä'), 'a' < 'Z'"))
            ).one()
        await engine.dispose()
        assert tuple(row) == ("super", "super", "ä", False)
        assert fetch_value(replace(address, database="postgres").libpq_url, "SHOW server_encoding") == "UTF8"
    assert_stopped(address.libpq_url)
    assert not address.directory.exists()


def test_directories_are_private(data: Path) -> None:
    data.chmod(0o755)
    directory = default_socket_directory(data)
    directory.mkdir(mode=0o755)
    with embedded_server(data).running() as address:
        assert address.directory == directory
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in (data, directory)] == [0o700, 0o700]


def test_names_are_quoted_in_urls() -> None:
    address = ServerAddress(Path("/a b/c?d"), database="e/f")
    assert address.url == "postgresql+asyncpg://super@/e%2Ff?host=/a%20b/c%3Fd&port=5432"
    assert psycopg2.extensions.parse_dsn(address.libpq_url)["host"] == "/a b/c?d"


def test_commits_are_durable_by_default(data: Path) -> None:
    with EmbeddedPostgres(data).running() as address:
        assert [fetch_value(address.libpq_url, f"SHOW {name}") for name in UNSAFE_OPTIONS] == ["on", "on", "on"]
    with EmbeddedPostgres(data, options={"application_name": "a 'b' \"c\" $d"}).running() as address:
        assert fetch_value(address.libpq_url, "SELECT reset_val FROM pg_settings WHERE name = 'application_name'") == (
            "a 'b' \"c\" $d"
        )


def test_server_does_not_listen_on_tcp(data: Path) -> None:
    with embedded_server(data, listen_addresses="127.0.0.1", port="54329").running() as address:
        assert fetch_value(address.libpq_url, "SHOW listen_addresses") == ""


def test_processes_share_server_and_last_one_stops_it(data: Path) -> None:
    with other_process(data) as (url, _):
        started = server_start_time(url)
        with embedded_server(data).running() as address:
            assert (address.libpq_url, server_start_time(url)) == (url, started)
        assert server_start_time(url) == started
    assert_stopped(url)


def test_server_keeps_running_when_first_user_leaves(data: Path) -> None:
    with embedded_server(data).running() as address:
        with other_process(data) as (url, _):
            started = server_start_time(url)
        assert server_start_time(address.libpq_url) == started
    assert_stopped(address.libpq_url)


def test_concurrent_first_users_start_one_server(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        urls = set(pool.map(leave_orphan, [tmp_path] * 3))
    with embedded_server(tmp_path).running() as address:
        assert urls == {address.libpq_url}


def test_other_tmpdir_joins_running_server(data: Path) -> None:
    with embedded_server(data).running() as address, tempfile.TemporaryDirectory() as other:
        assert leave_orphan(data, TMPDIR=other) == address.libpq_url


def test_server_of_killed_process_is_joined_and_stopped(data: Path) -> None:
    started = server_start_time(leave_orphan(data))
    with embedded_server(data).running() as address:
        assert server_start_time(address.libpq_url) == started
    assert_stopped(address.libpq_url)


def test_killed_server_restarts_with_all_commits(data: Path) -> None:
    with other_process(data) as (url, _):
        fetch_value(url, "CREATE TABLE committed AS SELECT 42 AS n")
        os.kill(postmaster_pid(data), signal.SIGKILL)
        with embedded_server(data).running() as address:
            assert address.libpq_url == url
            assert fetch_value(url, "SELECT n FROM committed") == "42"
            os.kill(postmaster_pid(data), signal.SIGKILL)
    with embedded_server(data).running() as address:
        assert fetch_value(address.libpq_url, "SELECT n FROM committed") == "42"


def test_stale_pid_of_another_process_is_ignored(data: Path) -> None:
    with embedded_server(data).running():
        lines = (data / "cluster" / "postmaster.pid").read_text().splitlines()
    (data / "cluster" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]))
    with embedded_server(data).running() as address:
        assert fetch_value(address.libpq_url, "SELECT 1") == "1"


def test_server_without_socket_is_replaced(data: Path) -> None:
    url = leave_orphan(data)
    old_pid = postmaster_pid(data)
    shutil.rmtree(psycopg2.extensions.parse_dsn(url)["host"])
    with embedded_server(data).running() as address:
        assert postmaster_pid(data) != old_pid
        assert fetch_value(address.libpq_url, "SELECT 1") == "1"


def test_server_of_deleted_directory_is_stopped_by_its_successor(data_copy: Path) -> None:
    url = leave_orphan(data_copy)
    fetch_value(url, "CREATE TABLE deleted ()")
    shutil.rmtree(data_copy)
    with embedded_server(data_copy).running() as address:
        assert address.libpq_url == url
        assert fetch_value(url, "SELECT to_regclass('deleted')") == "None"


def test_user_of_deleted_directory_does_not_stop_successor(data_copy: Path) -> None:
    with ExitStack() as previous_user:
        previous_user.enter_context(embedded_server(data_copy).running())
        shutil.rmtree(data_copy)
        with other_process(data_copy) as (url, _):
            previous_user.close()
            assert fetch_value(url, "SELECT 1") == "1"


def test_leaving_deleted_directory_raises_nothing(data_copy: Path) -> None:
    with embedded_server(data_copy).running() as address:
        os.kill(postmaster_pid(data_copy), signal.SIGKILL)
        shutil.rmtree(data_copy)
    shutil.rmtree(address.directory)


def test_incomplete_cluster_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "data" / "cluster.new" / "base").mkdir(parents=True)
    (tmp_path / "data" / "cluster.new" / "PG_VERSION").touch()
    with embedded_server(tmp_path / "data").running() as address:
        assert fetch_value(address.libpq_url, "SELECT 1") == "1"


def test_every_usable_account_runs_server(tmp_path: Path) -> None:
    """As root there may be two. An existing cluster keeps the account that created it."""
    postgres = bundled_programs() / "postgres"
    for number, account in enumerate(candidate_accounts()):
        try:
            first_usable([account], postgres=postgres, data=tmp_path)
        except EmbeddedPostgresError:
            continue
        data = tmp_path / str(number)
        for accounts in ([account], None):
            with EmbeddedPostgres(data, accounts=accounts, initdb_options=["--no-sync"]).running() as address:
                assert fetch_value(address.libpq_url, "SELECT 1") == "1"
                assert (data / "cluster" / "postmaster.pid").stat().st_uid == account.uid
                assert {data.stat().st_uid, address.directory.stat().st_uid} == {os.geteuid()}
