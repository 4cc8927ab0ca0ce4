"""What a good file does to the catalogue, once and again."""

import csv
from datetime import UTC, datetime
from typing import Final

import psycopg2.extensions

from app.importer.generator import write_deals
from app.importer.pipeline import load_deals
from app.importer.types import LoadReport, MergeResult, Progress, Stage
from tests.support.deal_files import row, write_rows
from tests.support.import_catalogue import Catalogue, Importer, ignore

AS_IN_THE_FILE: Final = """
    SELECT external_id, hotels.name, city, country, star_rating, phone, room_type, price_per_night, original_price,
        discount_percent, checkin_date, checkout_date, is_available,
        ARRAY(SELECT name FROM deal_categories JOIN categories ON id = category_id WHERE deal_id = deals.id ORDER BY 1),
        to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    FROM deals JOIN hotels ON hotels.id = hotel_id
    ORDER BY deals.id
"""
EVERY_VERSION_OF_A_ROW: Final = """
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
    return load_deals(importer.file, dsn=importer.dsn, progress=ignore)


def test_every_cell_of_the_file_arrives(importer: Importer, catalogue: Catalogue) -> None:
    _load_generated(importer)
    with importer.file.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    expected = [[*cells[:13], _sorted(cells[13]), cells[14]] for cells in rows]
    assert [[_cell(value) for value in deal] for deal in catalogue.all(AS_IN_THE_FILE)] == expected


def _sorted(categories: str) -> str:
    return ",".join(sorted(categories.split(",")))


def _cell(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def test_the_report_counts_what_was_done(importer: Importer, catalogue: Catalogue) -> None:
    report = _load_generated(importer)
    links = len(catalogue.all("TABLE deal_categories"))
    assert (report.rows, report.rejected, report.rejects) == (600, 0, None)
    assert report.merged == MergeResult(hotels_added=150, categories_added=5, deals_inserted=600, links_written=links)
    assert report.seconds > 0


def test_hotels_and_deals_are_numbered_as_they_first_appear(importer: Importer, catalogue: Catalogue) -> None:
    _load_generated(importer)
    assert catalogue.all("SELECT id FROM hotels ORDER BY id") == [(number,) for number in range(1, 151)]
    assert catalogue.all("SELECT id FROM deals ORDER BY id") == [(number,) for number in range(1, 601)]
    assert catalogue.one("SELECT bool_and(hotel_id = id) FROM deals WHERE id <= 150")


def test_the_same_file_again_changes_nothing(importer: Importer, catalogue: Catalogue) -> None:
    _load_generated(importer)
    before, numbers = catalogue.all(EVERY_VERSION_OF_A_ROW), catalogue.all(SEQUENCES)
    again = _load_generated(importer)
    assert again.merged == MergeResult(deals_unchanged=600)
    assert catalogue.all(EVERY_VERSION_OF_A_ROW) == before
    assert catalogue.all(SEQUENCES) == numbers


def test_a_new_deal_starts_at_version_1(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    assert catalogue.one("SELECT version FROM deals") == 1


def test_an_instant_without_an_offset_is_utc_whatever_the_session_says(
    importer: Importer, catalogue: Catalogue
) -> None:
    elsewhere = psycopg2.extensions.make_dsn(importer.dsn, options="-c timezone=Asia/Tokyo")
    write_rows(importer.file, row(created_at="2025-11-03 09:12:44"))
    load_deals(importer.file, dsn=elsewhere, progress=ignore)
    assert catalogue.one("SELECT created_at FROM deals") == datetime(2025, 11, 3, 9, 12, 44, tzinfo=UTC)


def test_a_header_alone_loads_nothing(importer: Importer, catalogue: Catalogue) -> None:
    report = importer()
    assert (report.rows, report.rejected, report.merged) == (0, 0, MergeResult())
    assert catalogue.is_empty()


def test_the_planner_knows_the_catalogue_at_once(importer: Importer, catalogue: Catalogue) -> None:
    _load_generated(importer)
    assert catalogue.one("SELECT reltuples FROM pg_class WHERE relname = 'deals'") == 600


def test_progress_tells_the_stages_and_the_rows_read(importer: Importer) -> None:
    steps: list[Progress] = []
    write_rows(importer.file, row())
    load_deals(importer.file, dsn=importer.dsn, progress=steps.append)
    assert steps == [
        Progress(Stage.READING, 0, 0),
        Progress(Stage.READING, 1, 1),
        Progress(Stage.CHECKING, 1, 1),
        Progress(Stage.WRITING, 1, 1),
    ]
