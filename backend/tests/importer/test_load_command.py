"""Exit codes and interruption of `deals load`."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import psycopg2
import pytest

from tests.support.cli import DEALS, command_environment, run_deals
from tests.support.deal_files import row, to_csv, write_rows
from tests.support.import_catalogue import Catalogue, Importer

pytestmark = pytest.mark.slow

_INSERT_DEAL_100: Final = """
    WITH hotel AS (INSERT INTO hotels (name, city, country, phone) VALUES ('A', 'B', 'C', 'D') RETURNING id)
    INSERT INTO deals (
        external_id, hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
        checkin_date, checkout_date
    ) SELECT 100, id, 'Single', 1, 1, 1, 0, '2026-03-01', '2026-03-02' FROM hotel
"""


@pytest.mark.parametrize(
    ("price", "options", "exit_code", "deal_count"),
    [("100", [], 0, 2), ("x", [], 1, 0), ("x", ["--partial"], 3, 1), ("100", ["--partial"], 0, 2)],
)
def test_exit_code_distinguishes_complete_failed_and_partial_loads(
    own_url: str,
    importer: Importer,
    catalogue: Catalogue,
    price: str,
    options: list[str],
    exit_code: int,
    deal_count: int,
) -> None:
    write_rows(importer.file, row(), row(id="8", price_per_night=price))
    assert run_deals(own_url, "load", str(importer.file), *options).exit_code == exit_code
    assert catalogue.one("SELECT count(*) FROM deals") == deal_count


def test_unusable_file_is_one_sentence_with_exit_code_2(own_url: str, importer: Importer) -> None:
    importer.file.touch()
    done = run_deals(own_url, "load", str(importer.file))
    assert (done.exit_code, done.stderr) == (2, "deals.csv is empty.\n")


def test_unwritable_rejects_file_is_reported_after_first_problems(own_url: str, importer: Importer) -> None:
    write_rows(importer.file, row(), row(id="x"))
    importer.rejects_file.mkdir()
    done = run_deals(own_url, "load", str(importer.file), "--partial")
    *_, problem, outcome = done.stderr.splitlines()
    assert done.exit_code == 1
    assert problem.startswith("deals.csv:3 id 'x': must be ")
    assert outcome == (
        f"Nothing was written; the list of all problems cannot be written to {importer.rejects_file}: "
        "another file with this name exists."
    )


def test_standard_input_is_loaded_and_its_rejects_are_listed_in_the_working_directory(
    own_url: str, catalogue: Catalogue, tmp_path: Path
) -> None:
    text = to_csv([row(), row(id="8", price_per_night="x")])
    done = run_deals(own_url, "load", "-", "--partial", input=text, INIT_CWD=str(tmp_path))
    assert done.exit_code == 3
    assert "standard input:3 price_per_night 'x': must be a price" in done.stderr
    assert "3,price_per_night,x,must be a price" in (tmp_path / "stdin.rejects.csv").read_text()
    assert catalogue.one("SELECT external_id FROM deals") == 7


@pytest.mark.parametrize("file", ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
def test_redirected_file_has_its_rejects_in_the_working_directory(
    own_url: str, importer: Importer, tmp_path: Path, file: str
) -> None:
    write_rows(importer.file, row(id="x"))
    with importer.file.open() as content:
        environment = command_environment(own_url, INIT_CWD=str(tmp_path))
        done = subprocess.run([DEALS, "load", file], check=False, stdin=content, env=environment, capture_output=True)
    assert done.returncode == 1
    assert (tmp_path / f"{Path(file).name}.rejects.csv").exists()


def test_rejects_file_is_an_option(own_url: str, importer: Importer, tmp_path: Path) -> None:
    write_rows(importer.file, row(id="x"))
    done = run_deals(own_url, "load", str(importer.file), "--rejects", "list.csv", INIT_CWD=str(tmp_path))
    assert done.exit_code == 1
    assert (tmp_path / "list.csv").exists()
    assert not importer.rejects_file.exists()


def test_phone_is_not_updated_on_request(own_url: str, importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    write_rows(importer.file, row(hotel_phone="+1"))
    assert run_deals(own_url, "load", str(importer.file), "--new-phone", "reject").exit_code == 1
    assert run_deals(own_url, "load", str(importer.file)).exit_code == 0
    assert catalogue.one("SELECT phone FROM hotels") == "+1"


def test_ctrl_c_stops_command_that_waits_for_database(own_url: str, importer: Importer, catalogue: Catalogue) -> None:
    with _blocked_command(own_url, importer, catalogue) as running:
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=30)
    assert (running.returncode, stderr.splitlines()[-1]) == (130, "Interrupted: nothing was written.")
    assert catalogue.is_empty()


def test_killed_command_writes_nothing(own_url: str, importer: Importer, catalogue: Catalogue) -> None:
    with _blocked_command(own_url, importer, catalogue) as running:
        running.kill()
    catalogue.wait_until_alone()
    assert running.returncode == -signal.SIGKILL
    assert catalogue.is_empty()


@contextmanager
def _blocked_command(url: str, importer: Importer, catalogue: Catalogue) -> Iterator[subprocess.Popen[str]]:
    """`deals load` while it waits for another session, which inserted one of the file's deals without a commit."""
    write_rows(importer.file, *(row(id=str(number)) for number in range(1, 101)))
    command = [DEALS, "load", str(importer.file)]
    with closing(psycopg2.connect(importer.dsn)) as other, other.cursor() as cursor:
        cursor.execute(_INSERT_DEAL_100)
        with subprocess.Popen(command, env=command_environment(url), stderr=subprocess.PIPE, text=True) as running:
            try:
                catalogue.wait_for_a_blocked_session(unless=lambda: running.poll() is not None)
                yield running
            finally:
                running.kill()
