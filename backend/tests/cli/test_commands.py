"""Commands for data, schema and tools, and their error messages."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import pytest
import typer
from httpx import AsyncClient

from app.cli.errors import get_driver_message, user_errors
from app.config import BACKEND, Settings
from app.db.resolve import embedded_database
from app.db.urls import libpq_url
from devtools.ports import free_port
from tests.support.cli import DEALS, assert_one_line_error, command_environment, run_deals
from tests.support.databases import TestServer, connect


@pytest.fixture
def empty_url(server: TestServer) -> Iterator[str]:
    with server.copy(template="template0") as url:
        yield url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://u:hunter2@127.0.0.1:1/x", "The database is not reachable"),
        ("mysql://u:hunter2@127.0.0.1/x", "DATABASE_URL is invalid"),
        ("postgres://u:very@hunter2@127.0.0.1:1/x", "must be percent-encoded"),
        ("postgresql://u@127.0.0.1:1/x?password=very&hunter2=1", "must be percent-encoded"),
        ("postgresql://u@127.0.0.1:1/x?sslmode=hunter2", "DATABASE_URL is invalid"),
    ],
)
@pytest.mark.parametrize("command", [["serve", "--port", "1025"], ["migrate"], ["load"], ["verify"], ["keys", "list"]])
def test_unusable_database_url_is_reported_without_password(url: str, message: str, command: list[str]) -> None:
    result = run_deals(url, *command)
    assert_one_line_error(result, message)
    assert "hunter2" not in result.stderr


def test_option_that_the_server_rejects_is_not_printed(own_url: str) -> None:
    for options in ("-c%20work_mem%3Dhunter2", "-c%20search_path%3Dpublic%20--role%3Dhunter2"):
        url = f"{libpq_url(own_url)}&options={options}"
        for command in ("migrate", "verify", "purge", "load"):
            result = run_deals(url, command)
            assert (result.exit_code, result.stderr.count("\n")) == (1, 1), (options, command)
            assert "hunter2" not in result.stderr, (options, command)


def test_options_do_not_hide_the_reason_of_a_failed_connection(own_url: str) -> None:
    options = "options=-c%20search_path%3Dshop%20-c%20jit%3Don%20-c%20role%3Dabsent_database"
    location, _, parameters = libpq_url(own_url).partition("?")
    absent = f"{location.rpartition('/')[0]}/absent_database?{parameters}"
    for url, message in (
        (f"{absent}&{options}", 'database "absent_database" does not exist'),
        (f"postgresql://u@127.0.0.1:1/x?{options}", "Connection refused"),
        (f"postgresql://u@/x?host=/absent&{options}", 'connection to server on socket "/absent/.s.PGSQL.5432" failed'),
        (f"{libpq_url(own_url)}&options=-c%20work_mem%3Dhunter2", 'invalid value for parameter "work_mem": "***"'),
    ):
        assert_one_line_error(run_deals(url, "migrate"), message)


@pytest.mark.parametrize(
    ("options", "message", "expected"),
    [
        ("--role=hunter2", 'role "hunter2" does not exist', 'role "***" does not exist'),
        ("-c a.b=hunter -c a.c=hunter-2", "hunter-2, hunter: (hunter)", "***, ***: (***)"),
        ("-c a.b=hunter\\ 2=x", 'invalid: "hunter 2=x"', 'invalid: "***"'),
        ("-c a.b=hunter\\\\2", 'invalid: "hunter\\2"', 'invalid: "***"'),
        ("-c a.b=h.nter[2", 'invalid: "h.nter[2", not "hunter2"', 'invalid: "***", not "hunter2"'),
        ("-c jit=off -c a.b=error", "an errors file is off", "an errors file is off"),
        ("-c search_path=deals_db -c a.b=alice -c a.c=db.test", "deals_db, alice, db.test", "deals_db, alice, db.test"),
    ],
)
def test_driver_message_contains_no_value_of_an_option(
    monkeypatch: pytest.MonkeyPatch, options: str, message: str, expected: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://alice@db.test/deals_db?options={quote(options)}")
    assert get_driver_message(message) == expected


def test_unknown_revision_is_rejected(own_url: str) -> None:
    with connect(own_url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE alembic_version SET version_num = 'from the future'")
    for command in (["migrate"], ["dev", "--port", str(free_port())]):
        assert_one_line_error(run_deals(own_url, *command), "at a revision that this version does not know")


def test_migrate_reports_whether_it_changed_the_schema(empty_url: str) -> None:
    assert "Migrated: the database in DATABASE_URL." in run_deals(empty_url, "migrate").stdout
    assert "Already up to date" in run_deals(empty_url, "migrate").stdout


def test_generated_file_loads_once(own_url: str, tmp_path: Path) -> None:
    options = ("generate", "--rows", "200", "--seed", "7")
    assert run_deals(own_url, *options, "-o", "some deals.csv", INIT_CWD=str(tmp_path)).exit_code == 0
    assert (tmp_path / "some deals.csv").read_text() == run_deals(own_url, *options).stdout
    for expected in ("200", "0"):
        result = run_deals(own_url, "load", "some deals.csv", INIT_CWD=str(tmp_path))
        assert result.exit_code == 0
        inserted = next(line for line in result.stderr.splitlines() if "Deals inserted" in line)
        assert f" {expected} " in inserted


@pytest.mark.parametrize(
    "command", [["psql"], ["shell"], ["generate", "-o", "deals.csv"], ["migrate"], ["dev"], ["serve"], ["load"]]
)
def test_unknown_setting_is_rejected(own_url: str, tmp_path: Path, command: list[str]) -> None:
    result = run_deals(own_url, *command, INIT_CWD=str(tmp_path), APP_DATABASE_POOL_SISE="5")
    assert_one_line_error(result, "Did you mean APP_DATABASE_POOL_SIZE?")


def test_unwritable_file_is_reported(own_url: str, tmp_path: Path) -> None:
    result = run_deals(own_url, "generate", "-o", "missing/deals.csv", INIT_CWD=str(tmp_path))
    assert_one_line_error(result, "No such file or directory")


def test_operating_system_error_without_file_is_reported_by_its_own_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit), user_errors():
        Path("/dev/full").write_text("x")
    assert capsys.readouterr().err == "No space left on device.\n"


def test_load_exits_1_for_invalid_rows_and_2_for_unusable_file(own_url: str, tmp_path: Path) -> None:
    text = run_deals(own_url, "generate", "--rows", "3").stdout
    (tmp_path / "bad.csv").write_text(text.replace("True", "perhaps").replace("False", "perhaps"))
    assert run_deals(own_url, "load", "bad.csv", INIT_CWD=str(tmp_path)).exit_code == 1
    assert (tmp_path / "bad.csv.rejects.csv").read_text().count("perhaps") == 3
    missing = run_deals(own_url, "load", "missing.csv", INIT_CWD=str(tmp_path))
    assert (missing.exit_code, missing.stderr.splitlines()[-1].count("missing.csv")) == (2, 1)


@pytest.mark.slow
def test_load_script_runs_the_command(own_url: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "scripts/load_deals.py", str(tmp_path / "missing.csv")],
        cwd=BACKEND,
        env=command_environment(own_url),
        capture_output=True,
        check=False,
    )
    assert result.returncode == 2


@pytest.mark.slow
def test_shell_provides_pandas_and_engine(own_url: str) -> None:
    result = subprocess.run(
        [DEALS, "shell"],
        input="import pandas; print(pd is pandas, pd.read_sql('SELECT count(*) AS n FROM deals', db).n[0])",
        env=command_environment(own_url),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "True 0" in result.stdout
    assert "pd is pandas, db is a SQLAlchemy engine on the database in DATABASE_URL." in result.stderr


@pytest.mark.slow
def test_psql_opens_same_database(own_url: str) -> None:
    result = subprocess.run(
        [DEALS, "psql"],
        input="SELECT 'deals: ' || count(*) FROM deals",
        env=command_environment(own_url),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "deals: 0" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "passed_url"),
    [
        ("postgresql+asyncpg://me:hun%24ter2@db/deals", "postgresql://me@/deals?host=db&port=5432"),
        (
            "postgresql://me@db/deals?password=hun%24ter2&sslmode=require",
            "postgresql://me@/deals?host=db&sslmode=require&port=5432",
        ),
    ],
)
def test_psql_gets_password_in_environment_and_not_in_arguments(url: str, passed_url: str, tmp_path: Path) -> None:
    program = tmp_path / "psql"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$PGPASSWORD" "$@"\n')
    program.chmod(0o755)
    environment = command_environment(url, APP_POSTGRES_BIN_DIR=str(tmp_path))
    result = subprocess.run([DEALS, "psql"], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["hun$ter2", passed_url]


async def test_openapi_prints_served_document(own_url: str, client: AsyncClient) -> None:
    result = run_deals(own_url, "openapi", APP_LOG_LEVEL="WARNING")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document == (await client.get("/openapi.json")).json()
    assert document["info"]["version"] == version("hotel-deals")


def test_committed_openapi_document_is_current() -> None:
    result = run_deals("postgresql://unused", "openapi", APP_LOG_LEVEL="WARNING")
    is_current = result.stdout == (BACKEND.parent / "docs" / "openapi.json").read_text()
    assert is_current, "docs/openapi.json is stale: run `./uvw deals openapi > docs/openapi.json`"


@pytest.mark.slow
def test_embedded_database_persists_in_data_directory(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "a folder")
    for expected in (0, 1):
        with embedded_database(settings) as database, connect(database.url) as connection:
            with connection.cursor() as cursor:
                cursor.execute("CREATE TABLE IF NOT EXISTS numbers (n int)")
                cursor.execute("SELECT count(*) FROM numbers")
                assert cursor.fetchone() == (expected,)
                cursor.execute("INSERT INTO numbers VALUES (1)")
            connection.commit()
