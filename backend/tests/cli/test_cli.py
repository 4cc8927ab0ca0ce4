"""`deals`, as it is run: commands in processes of their own."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import BACKEND, Settings
from app.db.resolve import embedded_database
from devtools.ports import free_port
from tests.support.cli import DEALS, deals, environment, get, running, wait_for_silence
from tests.support.databases import TestServer, connect

pytestmark = pytest.mark.slow


@pytest.fixture
def empty_url(server: TestServer) -> Iterator[str]:
    with server.copy(template="template0") as url:
        yield url


def test_dev_migrates_loads_and_serves_until_it_is_stopped(empty_url: str) -> None:
    with running(empty_url, "dev") as (process, port):
        assert get(port, "/deals")["total"] == 50_000
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with pytest.raises(ConnectionRefusedError):
        get(port, "/health")


def test_serve_wants_the_newest_schema(empty_url: str) -> None:
    done = deals(empty_url, "serve", "--port", str(free_port()))
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "run `deals migrate`" in done.stderr


def test_serve_starts_on_a_schema_that_a_newer_version_has_migrated(own_url: str) -> None:
    with connect(own_url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE alembic_version SET version_num = 'of a newer version'")
    with running(own_url, "serve") as (_, port):
        assert get(port, "/health/ready")["migrations"] == "ok"


def test_serve_stops_when_it_is_interrupted(own_url: str) -> None:
    with running(own_url, "serve", "--workers", "2") as (process, port):
        assert get(port, "/health/ready")["migrations"] == "ok"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_the_service_does_not_outlive_a_killed_command(own_url: str) -> None:
    with running(own_url, "serve") as (process, port):
        process.kill()
        process.wait()
        wait_for_silence(port)


def test_a_taken_port_is_one_sentence(own_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = deals(own_url, "serve", "--port", str(taken.getsockname()[1]))
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "address already in use" in done.stderr


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://u:hunter2@127.0.0.1:1/x", "The database does not answer"),
        ("mysql://u:hunter2@127.0.0.1/x", "DATABASE_URL is invalid"),
    ],
)
@pytest.mark.parametrize("command", [["serve", "--port", "1025"], ["migrate"], ["load"], ["verify"]])
def test_a_wrong_database_url_is_one_sentence(url: str, sentence: str, command: list[str]) -> None:
    done = deals(url, *command)
    assert done.exit_code == 1
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr + done.stdout


def test_a_database_of_a_newer_version_is_one_sentence(own_url: str) -> None:
    with connect(own_url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE alembic_version SET version_num = 'from the future'")
    for command in (["migrate"], ["dev", "--port", str(free_port())]):
        done = deals(own_url, *command)
        assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
        assert "not at a revision that this version knows" in done.stderr


def test_migrate_says_what_it_did(empty_url: str) -> None:
    assert "Brought up to date" in deals(empty_url, "migrate").stdout
    assert "Already up to date" in deals(empty_url, "migrate").stdout


def test_generate_then_load(own_url: str, tmp_path: Path) -> None:
    made = deals(own_url, "generate", "--rows", "200", "--seed", "7", "-o", "some deals.csv", INIT_CWD=str(tmp_path))
    assert made.exit_code == 0
    text = deals(own_url, "generate", "--rows", "200", "--seed", "7").stdout
    assert (tmp_path / "some deals.csv").read_text() == text
    for expected in ("200", "0"):
        done = deals(own_url, "load", "some deals.csv", INIT_CWD=str(tmp_path))
        assert done.exit_code == 0
        inserted = next(line for line in done.stderr.splitlines() if "Deals inserted" in line)
        assert f" {expected} " in inserted


@pytest.mark.parametrize(
    "command", [["psql"], ["generate", "-o", "deals.csv"], ["migrate"], ["dev"], ["serve"], ["load"], ["verify"]]
)
def test_an_unknown_setting_is_one_sentence(own_url: str, tmp_path: Path, command: list[str]) -> None:
    done = deals(own_url, *command, INIT_CWD=str(tmp_path), APP_DATABASE_POOL_SISE="5")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "Did you mean APP_DATABASE_POOL_SIZE?" in done.stderr


def test_a_file_that_cannot_be_written_is_one_sentence(own_url: str, tmp_path: Path) -> None:
    done = deals(own_url, "generate", "-o", "missing/deals.csv", INIT_CWD=str(tmp_path))
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "No such file or directory" in done.stderr


def test_load_tells_bad_rows_and_unusable_files_apart(own_url: str, tmp_path: Path) -> None:
    text = deals(own_url, "generate", "--rows", "3").stdout
    (tmp_path / "bad.csv").write_text(text.replace("True", "perhaps").replace("False", "perhaps"))
    assert deals(own_url, "load", "bad.csv", INIT_CWD=str(tmp_path)).exit_code == 1
    assert (tmp_path / "bad.csv.rejects.csv").read_text().count("perhaps") == 3
    missing = deals(own_url, "load", "missing.csv", INIT_CWD=str(tmp_path))
    assert (missing.exit_code, missing.stderr.splitlines()[-1].count("missing.csv")) == (2, 1)


def test_the_script_is_the_command(own_url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "scripts/load_deals.py", str(tmp_path / "missing.csv")],
        cwd=BACKEND,
        env=environment(own_url),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2


def test_the_prompt_has_pandas_and_the_database(own_url: str) -> None:
    code = "import pandas; print(pd is pandas, pd.read_sql('SELECT count(*) AS n FROM deals', db).n[0])"
    done = subprocess.run(
        [sys.executable, "-i", "scripts/pythonstartup.py"],
        input=code,
        cwd=BACKEND,
        env=environment(own_url),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "True 0" in done.stdout


def test_psql_is_on_the_same_database(own_url: str) -> None:
    done = subprocess.run(
        [DEALS, "psql"],
        input="SELECT 'deals: ' || count(*) FROM deals",
        env=environment(own_url),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "deals: 0" in done.stdout


def test_the_embedded_database_lives_in_the_data_folder(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "a folder")
    for expected in (0, 1):
        with embedded_database(settings) as chosen, connect(chosen.url) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
            cursor.execute("SELECT count(*) FROM kept")
            assert cursor.fetchone() == (expected,)
            cursor.execute("INSERT INTO kept VALUES (1)")
