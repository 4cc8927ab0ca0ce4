"""Imports that fail, are killed or interrupted, or run concurrently."""

import resource
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg2
import psycopg2.extensions
import pytest

from app.importer.pipeline import load_deals
from app.importer.types import (
    LoadDatabaseError,
    LoadFileError,
    LoadInterruptedError,
    LoadOutcomeUnknownError,
    LoadReport,
    MergeResult,
    Progress,
    Stage,
)
from tests.support.deal_files import Row, other_hotel, row, to_csv, write_rows
from tests.support.import_catalogue import Catalogue, Importer, ignore_progress

_INSERT_SAME_HOTEL: Final = """
    INSERT INTO hotels (name, city, country, phone) VALUES ('Crown Tower', 'Toronto', 'Canada', '+1-416-555-1333')
"""

_TERMINATE_AT_COMMIT: Final = """
    CREATE FUNCTION terminate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_terminate_backend(pg_backend_pid());
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER terminate AFTER INSERT ON deals DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION terminate();
"""


def get_error(importer: Importer) -> str:
    with pytest.raises(LoadDatabaseError) as caught:
        importer(row())
    return str(caught.value)


def test_encoding_error_at_end_of_file_writes_nothing(importer: Importer, catalogue: Catalogue) -> None:
    rows = [row(id=str(number)) for number in range(1, 12_000)]
    importer.file.write_bytes(to_csv(rows).encode() + "Zürich".encode("latin-1"))
    with pytest.raises(LoadFileError, match="is not UTF-8: see line 12001"):
        load_deals(importer.file, dsn=importer.dsn, progress=ignore_progress)
    assert catalogue.is_empty()
    assert not importer.rejects_file.exists()


@pytest.mark.parametrize("partial", [False, True])
def test_unwritable_rejects_file_is_reported_with_first_rejects(
    importer: Importer, catalogue: Catalogue, *, partial: bool
) -> None:
    importer.rejects_file.mkdir()
    report = importer(row(), row(id="x"), partial=partial)
    assert [(cell.line, cell.column) for cell in report.first_rejects] == [(3, "id")]
    assert (report.rejects_file, report.rejects_file_error) == (
        importer.rejects_file,
        "another file with this name exists",
    )
    assert report.merged is None
    assert catalogue.is_empty()


def test_rejects_file_that_cannot_be_written_to_its_end_is_removed(importer: Importer, catalogue: Catalogue) -> None:
    """As on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    rows = [row(), *[row(id="x")] * 2_000]
    write_rows(importer.file, *rows)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        report = load_deals(importer.file, dsn=importer.dsn, progress=ignore_progress, partial=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (len(report.first_rejects), report.rejects_file_error) == (10, "File too large")
    assert report.merged is None
    assert catalogue.is_empty()
    assert list(importer.file.parent.iterdir()) == [importer.file]


@pytest.mark.parametrize("rows", [[row()], [row(), row(id="x")]], ids=["no rejects", "rejects"])
def test_other_file_with_the_name_of_the_rejects_file_is_not_changed(importer: Importer, rows: list[Row]) -> None:
    importer.rejects_file.write_text("my notes\n")
    report = importer(*rows, partial=True)
    assert importer.rejects_file.read_text() == "my notes\n"
    assert (report.merged is None) == (len(rows) > 1)


def test_symbolic_link_with_the_name_of_the_rejects_file_is_not_followed(importer: Importer, tmp_path: Path) -> None:
    target = tmp_path / "target"
    importer.rejects_file.symlink_to(target)
    assert importer(row(id="x")).rejects_file_error == "another file with this name exists"
    assert not target.exists()


def test_missing_database_is_reported(importer: Importer) -> None:
    missing = Importer(psycopg2.extensions.make_dsn(importer.dsn, dbname="nowhere"), importer.file)
    assert get_error(missing).endswith('database "nowhere" does not exist')


def test_missing_tables_are_reported_with_migrate_hint(importer: Importer, catalogue: Catalogue) -> None:
    catalogue.change("DROP TABLE deals CASCADE")
    assert get_error(importer) == "The database does not have this version's tables; run `deals migrate`."


def test_lost_connection_writes_nothing(importer: Importer, catalogue: Catalogue) -> None:
    write_rows(importer.file, row())

    def terminate_backend(step: Progress) -> None:
        if step.stage is Stage.WRITING:
            catalogue.all("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")

    with pytest.raises(LoadDatabaseError, match="The import failed in the database: "):
        load_deals(importer.file, dsn=importer.dsn, progress=terminate_backend)
    assert catalogue.is_empty()


def test_connection_lost_during_commit_leaves_outcome_unknown(importer: Importer, catalogue: Catalogue) -> None:
    catalogue.change(_TERMINATE_AT_COMMIT)
    with pytest.raises(LoadOutcomeUnknownError, match="may have been written: run the import again"):
        importer(row())
    catalogue.change("DROP FUNCTION terminate CASCADE")
    assert importer(row()).merged is not None


def test_concurrent_insert_of_same_hotel_is_reported(importer: Importer, catalogue: Catalogue) -> None:
    with ThreadPoolExecutor() as pool, closing(psycopg2.connect(importer.dsn)) as other, other.cursor() as cursor:
        cursor.execute(_INSERT_SAME_HOTEL)
        running = pool.submit(importer, row())
        catalogue.wait_for_a_blocked_session(unless=running.done)
        other.commit()
        with pytest.raises(
            LoadDatabaseError, match="Another session wrote the same rows concurrently; run the import again"
        ):
            running.result()
    assert importer(row(categories="")).merged == MergeResult(deals_inserted=1)


def test_concurrent_import_waits_for_first_and_sees_its_rows(importer: Importer, catalogue: Catalogue) -> None:
    impatient = psycopg2.extensions.make_dsn(
        importer.dsn, options=r"-c lock_timeout=1 -c default_transaction_isolation=repeatable\ read"
    )
    reports: list[Future[LoadReport]] = []

    def start_another(step: Progress) -> None:
        if step.stage is Stage.WRITING:
            reports.append(pool.submit(load_deals, importer.file, dsn=impatient, progress=ignore_progress))
            catalogue.wait_for_a_blocked_session(unless=reports[0].done)

    write_rows(importer.file, row(), other_hotel(id="8"))
    with ThreadPoolExecutor() as pool:
        load_deals(importer.file, dsn=importer.dsn, progress=start_another)
    second = reports[0].result()
    assert second.merged == MergeResult(deals_unchanged=2)


@pytest.mark.parametrize("stage", Stage)
def test_interrupt_in_any_stage_writes_nothing(importer: Importer, catalogue: Catalogue, stage: Stage) -> None:
    def interrupt(step: Progress) -> None:
        if step.stage is stage:
            raise KeyboardInterrupt

    write_rows(importer.file, row())
    with pytest.raises(LoadInterruptedError, match=r"^Interrupted: nothing was written\.$"):
        load_deals(importer.file, dsn=importer.dsn, progress=interrupt)
    assert catalogue.is_empty()
