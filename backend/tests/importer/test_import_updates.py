"""Importing rows with ids that are already in the catalogue."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from app.importer.types import MergeResult, OnConflict
from tests.support.deal_files import other_hotel, row
from tests.support.import_catalogue import Catalogue, Importer

CHANGES = (
    {"hotel_star_rating": "2"},
    {"room_type": "Suite"},
    {"price_per_night": "100"},
    {"original_price": "200.05"},
    {"discount_percent": "0"},
    {"checkin_date": "2026-02-28"},
    {"checkout_date": "2026-03-05"},
    {"is_available": "False"},
    {"created_at": "2025-11-03T09:12:45Z"},
    {"hotel_name": "Park Inn", "hotel_city": "Rome", "hotel_country": "Italy", "hotel_phone": "+39-06-555-1000"},
)


@pytest.mark.parametrize("changes", CHANGES, ids=list)
def test_changed_cell_updates_only_its_deal(importer: Importer, changes: dict[str, str]) -> None:
    importer(row(), row(id="8"), other_hotel(id="9"))
    newer = (row(**changes), row(id="8"), other_hotel(id="9"))
    assert importer(*newer).merged == MergeResult(deals_updated=1, deals_unchanged=2)
    assert importer(*newer).merged == MergeResult(deals_unchanged=3)


def test_update_increments_version_and_sets_updated_at(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(), row(id="8"))
    importer(row(price_per_night="100"), row(id="8"))
    importer(row(price_per_night="101"), row(id="8"))
    assert catalogue.all("SELECT version FROM deals ORDER BY external_id") == [(3,), (1,)]
    assert catalogue.one("SELECT external_id FROM deals ORDER BY updated_at DESC LIMIT 1") == 7


def test_update_preserves_primary_key(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(), row(id="8"))
    importer(row(id="8", price_per_night="100"), row(price_per_night="100"))
    assert catalogue.all("SELECT id, external_id FROM deals ORDER BY id") == [(1, 7), (2, 8)]


def test_deal_missing_from_file_is_not_deleted(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    importer(row(id="8"))
    assert catalogue.all("SELECT external_id FROM deals ORDER BY id") == [(7,), (8,)]


def test_skip_does_not_change_existing_deals(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    report = importer(row(price_per_night="100"), row(id="8", categories=""), on_conflict=OnConflict.SKIP)
    assert report.merged == MergeResult(deals_inserted=1, deals_unchanged=1)
    assert catalogue.one("SELECT price_per_night::text FROM deals WHERE external_id = 7") == "129.15"


def test_skipped_row_adds_no_hotel_and_no_category(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    before = catalogue.all("SELECT name FROM categories UNION ALL SELECT name FROM hotels")
    report = importer(other_hotel(categories="unknown"), on_conflict=OnConflict.SKIP)
    assert report.merged == MergeResult(deals_unchanged=1)
    assert catalogue.all("SELECT name FROM categories UNION ALL SELECT name FROM hotels") == before


def test_skipped_rows_are_not_checked_for_conflicts(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    rows = (row(hotel_name="Renamed"), row(hotel_phone="+1"), row(id="8"))
    report = importer(*rows, on_conflict=OnConflict.SKIP)
    assert report.rejected_rows == 0
    assert report.merged == MergeResult(deals_inserted=1, deals_unchanged=2, links_written=2)
    assert catalogue.all("SELECT external_id FROM deals ORDER BY id") == [(7,), (8,)]


def test_skip_still_rejects_invalid_row_with_existing_id(importer: Importer) -> None:
    importer(row())
    report = importer(row(price_per_night="0"), on_conflict=OnConflict.SKIP)
    assert (report.rejected_rows, report.merged) == (1, None)


def test_error_rejects_existing_deals(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    report = importer(row(id="8"), row(), on_conflict=OnConflict.ERROR)
    assert report.merged is None
    assert importer.rejects() == [("3", "id", "7", "is already in the catalogue")]
    assert catalogue.all("SELECT external_id FROM deals") == [(7,)]


def test_error_with_partial_adds_new_deals(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    importer(row(id="8"), row(price_per_night="1"), on_conflict=OnConflict.ERROR, partial=True)
    deals = catalogue.all("SELECT external_id, price_per_night::text FROM deals ORDER BY id")
    assert deals == [(7, "129.15"), (8, "129.15")]


def test_deal_locked_by_another_session_is_updated_after_its_commit(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    with ThreadPoolExecutor() as pool, closing(psycopg2.connect(importer.dsn)) as other, other.cursor() as cursor:
        cursor.execute("UPDATE deals SET room_type = 'Twin', version = version + 1")
        running = pool.submit(importer, row(price_per_night="100"))
        catalogue.wait_for_a_blocked_session(unless=running.done)
        other.commit()
        running.result()
    assert catalogue.all("SELECT room_type, price_per_night::text, version FROM deals") == [("Deluxe", "100.00", 3)]
