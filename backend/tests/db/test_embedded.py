"""The embedded PostgreSQL with real servers, real processes and real kills."""

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

from devtools.postgres.account import bundled_programs, candidate_accounts, first_usable
from devtools.postgres.address import default_socket_directory
from devtools.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError, ServerAddress
from tests.support.embedded_processes import QUICK, ask, assert_stopped, birth, embedded, neighbour, orphan, postmaster

pytestmark = pytest.mark.slow


async def test_a_new_folder_becomes_a_server_that_ends_with_its_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "9")
    data = tmp_path / "not yet" / "data"
    with embedded(data).running(stop_mode="immediate") as address:
        engine = create_async_engine(address.url)
        async with engine.connect() as connection:
            row = (
                await connection.execute(text("SELECT current_user, current_database(), lower('Ä'), 'a' < 'Z'"))
            ).one()
        await engine.dispose()
        assert tuple(row) == ("super", "super", "ä", False)
        assert ask(replace(address, database="postgres").libpq_url, "SHOW server_encoding") == "UTF8"
    assert_stopped(address.libpq_url)
    assert not address.directory.exists()


def test_nobody_else_can_enter_its_folders(data: Path) -> None:
    data.chmod(0o755)
    directory = default_socket_directory(data)
    directory.mkdir(mode=0o755)
    with embedded(data).running() as address:
        assert address.directory == directory
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in (data, directory)] == [0o700, 0o700]


def test_a_name_is_quoted_in_the_urls() -> None:
    address = ServerAddress(Path("/a b/c?d"), database="e/f")
    assert address.url == "postgresql+asyncpg://super@/e%2Ff?host=/a%20b/c%3Fd&port=5432"
    assert psycopg2.extensions.parse_dsn(address.libpq_url)["host"] == "/a b/c?d"


def test_a_commit_is_durable_unless_options_say_otherwise(data: Path) -> None:
    with EmbeddedPostgres(data).running() as address:
        assert [ask(address.libpq_url, f"SHOW {name}") for name in QUICK] == ["on", "on", "on"]
    with EmbeddedPostgres(data, options={"application_name": "a 'b' \"c\" $d"}).running() as address:
        assert ask(address.libpq_url, "SELECT reset_val FROM pg_settings WHERE name = 'application_name'") == (
            "a 'b' \"c\" $d"
        )


def test_there_is_no_tcp_listener(data: Path) -> None:
    with embedded(data, listen_addresses="127.0.0.1", port="54329").running() as address:
        assert ask(address.libpq_url, "SHOW listen_addresses") == ""


def test_processes_share_a_server_and_the_last_one_out_stops_it(data: Path) -> None:
    with neighbour(data) as (url, _):
        started = birth(url)
        with embedded(data).running() as address:
            assert (address.libpq_url, birth(url)) == (url, started)
        assert birth(url) == started
    assert_stopped(url)


def test_the_first_one_out_leaves_the_server_to_the_others(data: Path) -> None:
    with embedded(data).running() as address:
        with neighbour(data) as (url, _):
            started = birth(url)
        assert birth(address.libpq_url) == started
    assert_stopped(address.libpq_url)


def test_processes_that_come_at_once_make_one_server(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        urls = set(pool.map(orphan, [tmp_path] * 3))
    with embedded(tmp_path).running() as address:
        assert urls == {address.libpq_url}


def test_another_temp_folder_is_no_reason_for_another_server(data: Path) -> None:
    with embedded(data).running() as address, tempfile.TemporaryDirectory() as other:
        assert orphan(data, TMPDIR=other) == address.libpq_url


def test_the_server_of_a_killed_process_is_adopted_and_stopped(data: Path) -> None:
    started = birth(orphan(data))
    with embedded(data).running() as address:
        assert birth(address.libpq_url) == started
    assert_stopped(address.libpq_url)


def test_a_killed_server_is_started_again_with_all_that_was_committed(data: Path) -> None:
    with neighbour(data) as (url, _):
        ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(postmaster(data), signal.SIGKILL)
        with embedded(data).running() as address:
            assert address.libpq_url == url
            assert ask(url, "SELECT answer FROM kept") == "42"
            os.kill(postmaster(data), signal.SIGKILL)
    with embedded(data).running() as address:
        assert ask(address.libpq_url, "SELECT answer FROM kept") == "42"


def test_the_number_of_a_dead_server_may_be_anybodys_by_now(data: Path) -> None:
    with embedded(data).running():
        note = (data / "cluster" / "postmaster.pid").read_text().splitlines()
    (data / "cluster" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *note[1:]]))
    with embedded(data).running() as address:
        assert ask(address.libpq_url, "SELECT 1") == "1"


def test_a_server_that_lost_its_socket_is_replaced(data: Path) -> None:
    url = orphan(data)
    lost = postmaster(data)
    shutil.rmtree(psycopg2.extensions.parse_dsn(url)["host"])
    with embedded(data).running() as address:
        assert postmaster(data) != lost
        assert ask(address.libpq_url, "SELECT 1") == "1"


def test_the_server_of_a_deleted_folder_makes_way(doomed: Path) -> None:
    url = orphan(doomed)
    ask(url, "CREATE TABLE deleted ()")
    shutil.rmtree(doomed)
    with embedded(doomed).running() as address:
        assert address.libpq_url == url
        assert ask(url, "SELECT to_regclass('deleted')") == "None"


def test_the_user_of_a_deleted_folder_leaves_its_successors_alone(doomed: Path) -> None:
    with ExitStack() as former:
        former.enter_context(embedded(doomed).running())
        shutil.rmtree(doomed)
        with neighbour(doomed) as (url, _):
            former.close()
            assert ask(url, "SELECT 1") == "1"


def test_the_user_of_a_deleted_folder_leaves_quietly(doomed: Path) -> None:
    with embedded(doomed).running() as address:
        os.kill(postmaster(doomed), signal.SIGKILL)
        shutil.rmtree(doomed)
    shutil.rmtree(address.directory)


def test_half_a_cluster_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "data" / "cluster.new" / "base").mkdir(parents=True)
    (tmp_path / "data" / "cluster.new" / "PG_VERSION").touch()
    with embedded(tmp_path / "data").running() as address:
        assert ask(address.libpq_url, "SELECT 1") == "1"


def test_every_account_of_this_machine_runs_a_server(tmp_path: Path) -> None:
    """As root there may be two; an existing cluster goes on with the account it was made by."""
    postgres = bundled_programs() / "postgres"
    for number, account in enumerate(candidate_accounts()):
        try:
            first_usable([account], postgres=postgres, data=tmp_path)
        except EmbeddedPostgresError:
            continue
        data = tmp_path / str(number)
        for accounts in ([account], None):
            with EmbeddedPostgres(data, accounts=accounts, initdb_options=["--no-sync"]).running() as address:
                assert ask(address.libpq_url, "SELECT 1") == "1"
                assert (data / "cluster" / "postmaster.pid").stat().st_uid == account.uid
                assert {data.stat().st_uid, address.directory.stat().st_uid} == {os.geteuid()}
