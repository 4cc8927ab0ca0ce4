"""Importing a valid file, once and repeatedly."""

import csv
from datetime import UTC, datetime
from typing import Final

import psycopg2.extensions

from app.importer.generator import write_deals
from app.importer.pipeline import load_deals
from app.importer.types import LoadReport, MergeResult, Progress, Stage
from tests.support.deal_files import row, write_rows
from tests.support.import_catalogue import Catalogue, Importer, ignore_progress

DEALS_IN_FILE_FORMAT: Final = """
    SELECT external_id, hotels.name, city, country, star_rating, phone, room_type, price_per_night, original_price,
        discount_percent, checkin_date, checkout_date, is_available,
        ARRAY(SELECT name FROM deal_categories JOIN categories ON id = category_id WHERE deal_id = deals.id ORDER BY 1),
        to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    FROM deals JOIN hotels ON hotels.id = hotel_id
    ORDER BY deals.id
"""
ROW_VERSIONS: Final = """
    SELECT tableoid, ctid, xmin FROM hotels
    UNION ALL SELECT tableoid, ctid, xmin FROM deals
    UNION ALL SELECT tableoid, ctid, xmin FROM categories
    UNION ALL SELECT tableoid, ctid, xmin FROM deal_categories
    ORDER BY 1, 2
"""
SEQUENCES: Final = "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"


def _load_generated(importer: Importer) -> LoadReport:
    with importer.file.open("w", encoding="utf-8", newline="") as out:
        write_deals(out, rows=600, seed=42)
    return load_deals(importer.file, dsn=importer.dsn, progress=ignore_progress)


def test_every_cell_is_stored(importer: Importer, catalogue: Catalogue) -> None:
    _load_generated(importer)
    with importer.file.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    expected = [[*cells[:13], _sort_names(cells[13]), cells[14]] for cells in rows]
    assert [[_to_cell(value) for value in deal] for deal in catalogue.all(DEALS_IN_FILE_FORMAT)] == expected


def _sort_names(categories: str) -> str:
    return ",".join(sorted(categories.split(",")))


def _to_cell(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def test_report_counts_all_changes(importer: Importer, catalogue: Catalogue) -> None:
    report = _load_generated(importer)
    links = len(catalogue.all("TABLE deal_categories"))
    assert (report.rows, report.rejected_rows, report.rejects_file) == (600, 0, None)
    assert report.merged == MergeResult(hotels_added=150, categories_added=5, deals_inserted=600, links_written=links)
    assert report.seconds > 0


def test_hotels_and_deals_get_ids_in_order_of_the_file(importer: Importer, catalogue: Catalogue) -> None:
    _load_generated(importer)
    assert catalogue.all("SELECT id FROM hotels ORDER BY id") == [(number,) for number in range(1, 151)]
    assert catalogue.all("SELECT id FROM deals ORDER BY id") == [(number,) for number in range(1, 601)]
    assert catalogue.one("SELECT bool_and(hotel_id = id) FROM deals WHERE id <= 150")


def test_second_import_of_same_file_changes_nothing(importer: Importer, catalogue: Catalogue) -> None:
    _load_generated(importer)
    before, sequences = catalogue.all(ROW_VERSIONS), catalogue.all(SEQUENCES)
    again = _load_generated(importer)
    assert again.merged == MergeResult(deals_unchanged=600)
    assert catalogue.all(ROW_VERSIONS) == before
    assert catalogue.all(SEQUENCES) == sequences


def test_new_deal_has_version_1(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    assert catalogue.one("SELECT version FROM deals") == 1


def test_timestamp_without_offset_is_utc_in_any_session_timezone(importer: Importer, catalogue: Catalogue) -> None:
    tokyo_dsn = psycopg2.extensions.make_dsn(importer.dsn, options="-c timezone=Asia/Tokyo")
    write_rows(importer.file, row(created_at="2025-11-03 09:12:44"))
    load_deals(importer.file, dsn=tokyo_dsn, progress=ignore_progress)
    assert catalogue.one("SELECT created_at FROM deals") == datetime(2025, 11, 3, 9, 12, 44, tzinfo=UTC)


def test_file_with_only_a_header_loads_nothing(importer: Importer, catalogue: Catalogue) -> None:
    report = importer()
    assert (report.rows, report.rejected_rows, report.merged) == (0, 0, MergeResult())
    assert catalogue.is_empty()


def test_statistics_are_current_after_import(importer: Importer, catalogue: Catalogue) -> None:
    _load_generated(importer)
    assert catalogue.one("SELECT reltuples FROM pg_class WHERE relname = 'deals'") == 600


def test_progress_reports_stages_and_rows(importer: Importer) -> None:
    steps: list[Progress] = []
    write_rows(importer.file, row())
    load_deals(importer.file, dsn=importer.dsn, progress=steps.append)
    assert steps == [
        Progress(Stage.READING, 0, 0),
        Progress(Stage.READING, 1, 1),
        Progress(Stage.CHECKING, 1, 1),
        Progress(Stage.WRITING, 1, 1),
    ]
