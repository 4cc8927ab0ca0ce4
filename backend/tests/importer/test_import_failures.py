"""An import that cannot be done, is killed, or meets another one."""

import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Final

import psycopg2
import psycopg2.extensions
import pytest

from app.importer.pipeline import load_deals
from app.importer.types import LoadDatabaseError, LoadFileError, LoadReport, MergeResult, Progress, Stage
from tests.support.deal_files import other_hotel, row, text_of, write_rows
from tests.support.import_catalogue import Catalogue, Importer, ignore

_THE_SAME_HOTEL: Final = """
    INSERT INTO hotels (name, city, country, phone) VALUES ('Crown Tower', 'Toronto', 'Canada', '+1-416-555-1333')
"""
_A_DEAL_WITH_ID_100: Final = """
    WITH hotel AS (INSERT INTO hotels (name, city, country, phone) VALUES ('A', 'B', 'C', 'D') RETURNING id)
    INSERT INTO deals (
        external_id, hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
        checkin_date, checkout_date
    ) SELECT 100, id, 'Single', 1, 1, 1, 0, '2026-03-01', '2026-03-02' FROM hotel
"""
_LOAD: Final = """
import signal, sys
from pathlib import Path
from app.importer.pipeline import load_deals
signal.signal(signal.SIGINT, signal.default_int_handler)
load_deals(Path(sys.argv[2]), dsn=sys.argv[1], progress=lambda step: None)
"""


def failure(importer: Importer) -> str:
    with pytest.raises(LoadDatabaseError) as caught:
        importer(row())
    return str(caught.value)


def test_a_file_that_turns_out_bad_at_its_end_leaves_nothing(importer: Importer, catalogue: Catalogue) -> None:
    rows = [row(id=str(number)) for number in range(1, 12_000)]
    importer.file.write_bytes(text_of(rows).encode() + b"\xff")
    with pytest.raises(LoadFileError, match="is not in UTF-8: see line 12001, byte 1"):
        load_deals(importer.file, dsn=importer.dsn, progress=ignore)
    assert catalogue.is_empty()
    assert not importer.rejects_file.exists()


def test_a_rejects_file_that_cannot_be_written_stops_the_import(importer: Importer, catalogue: Catalogue) -> None:
    importer.rejects_file.mkdir()
    with pytest.raises(LoadFileError, match=r"deals\.rejects\.csv cannot be written"):
        importer(row(), row(id="x"), partial=True)
    assert catalogue.is_empty()


def test_no_database(importer: Importer) -> None:
    nowhere = Importer(psycopg2.extensions.make_dsn(importer.dsn, dbname="nowhere"), importer.file)
    assert failure(nowhere).endswith('database "nowhere" does not exist')


def test_a_database_without_tables(importer: Importer, catalogue: Catalogue) -> None:
    catalogue.change("DROP TABLE deals CASCADE")
    assert failure(importer) == "The database does not have this version's tables; run `deals migrate`."


def test_a_connection_that_breaks_leaves_nothing(importer: Importer, catalogue: Catalogue) -> None:
    write_rows(importer.file, row())

    def cut(step: Progress) -> None:
        if step.stage is Stage.WRITING:
            catalogue.all("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")

    with pytest.raises(LoadDatabaseError, match="The import failed in the database: "):
        load_deals(importer.file, dsn=importer.dsn, progress=cut)
    assert catalogue.is_empty()


def test_a_row_that_somebody_else_adds_meanwhile_asks_for_another_run(importer: Importer, catalogue: Catalogue) -> None:
    with ThreadPoolExecutor() as pool, closing(psycopg2.connect(importer.dsn)) as somebody, somebody.cursor() as cursor:
        cursor.execute(_THE_SAME_HOTEL)
        running = pool.submit(importer, row())
        catalogue.wait_for_a_blocked_session(unless=running.done)
        somebody.commit()
        with pytest.raises(
            LoadDatabaseError, match="Somebody else wrote the same rows meanwhile; run the import again"
        ):
            running.result()
    assert importer(row(categories="")).merged == MergeResult(deals_inserted=1)


def test_a_second_import_waits_for_the_first_and_finds_its_work_done(importer: Importer, catalogue: Catalogue) -> None:
    impatient = psycopg2.extensions.make_dsn(
        importer.dsn, options=r"-c lock_timeout=1 -c default_transaction_isolation=repeatable\ read"
    )
    reports: list[Future[LoadReport]] = []

    def start_another(step: Progress) -> None:
        if step.stage is Stage.WRITING:
            reports.append(pool.submit(load_deals, importer.file, dsn=impatient, progress=ignore))
            catalogue.wait_for_a_blocked_session(unless=reports[0].done)

    write_rows(importer.file, row(), other_hotel(id="8"))
    with ThreadPoolExecutor() as pool:
        load_deals(importer.file, dsn=importer.dsn, progress=start_another)
    second = reports[0].result()
    assert second.merged == MergeResult(deals_unchanged=2)


def test_a_killed_import_leaves_nothing(importer: Importer, catalogue: Catalogue) -> None:
    """Killed before its commit: it waits for somebody who has written a deal, and has not committed."""
    write_rows(importer.file, *(row(id=str(number)) for number in range(1, 101)))
    with closing(psycopg2.connect(importer.dsn)) as somebody, somebody.cursor() as cursor:
        cursor.execute(_A_DEAL_WITH_ID_100)
        with _started(importer) as running:
            catalogue.wait_for_a_blocked_session(unless=lambda: running.poll() is not None)
            running.kill()
        somebody.rollback()
    catalogue.wait_until_alone()
    assert running.returncode == -signal.SIGKILL
    assert catalogue.is_empty()


def test_ctrl_c_stops_an_import_that_waits_for_the_database(importer: Importer, catalogue: Catalogue) -> None:
    write_rows(importer.file, *(row(id=str(number)) for number in range(1, 101)))
    with closing(psycopg2.connect(importer.dsn)) as somebody, somebody.cursor() as cursor:
        cursor.execute(_A_DEAL_WITH_ID_100)
        with _started(importer) as running:
            catalogue.wait_for_a_blocked_session(unless=lambda: running.poll() is not None)
            running.send_signal(signal.SIGINT)
            try:
                _, complaint = running.communicate(timeout=30)
            finally:
                running.kill()
    assert complaint.endswith("KeyboardInterrupt\n")
    assert catalogue.is_empty()


def _started(importer: Importer) -> subprocess.Popen[str]:
    load = [sys.executable, "-c", _LOAD, importer.dsn, str(importer.file)]
    return subprocess.Popen(load, stderr=subprocess.PIPE, text=True)
