"""Listing every invalid row, and importing the valid ones."""

from dataclasses import replace

import pytest

from app.importer.pipeline import load_deals
from app.importer.types import COLUMN_NAMES
from tests.support.deal_files import Row, other_hotel, row, to_csv
from tests.support.import_catalogue import Catalogue, Importer, ignore_progress

INVALID_CELLS = {
    "id": ("0", "must be a whole number from 1 to 9223372036854775807"),
    "hotel_name": ("", "must not be empty"),
    "hotel_city": ("x" * 101, "must have at most 100 characters"),
    "hotel_country": ("Can\tada", "must not contain control characters or lone surrogates"),
    "hotel_star_rating": ("6", "must be a whole number from 1 to 5"),
    "hotel_phone": ("", "must not be empty"),
    "room_type": (" ", "must not be empty"),
    "price_per_night": ("0", "must be a price from 0.01 to 99999999.99 with at most two decimals"),
    "original_price": ("NaN", "must be a price from 0.01 to 99999999.99 with at most two decimals"),
    "discount_percent": ("101", "must be a whole number from 0 to 100"),
    "checkin_date": ("1.3.2026", "must be a date like 2026-03-01, from 2000-01-01 to 2100-01-01"),
    "checkout_date": ("infinity", "must be a date like 2026-03-01, from 2000-01-01 to 2100-01-01"),
    "is_available": ("maybe", "must be True or False"),
    "categories": ("x" * 51, "must have at most 50 characters"),
    "created_at": ("yesterday", "must be a timestamp like 2026-03-01T09:12:44Z, from 2000-01-01 to 2100-01-01"),
}


def test_invalid_cells_cover_every_column() -> None:
    assert tuple(INVALID_CELLS) == COLUMN_NAMES


@pytest.mark.parametrize("column", COLUMN_NAMES)
def test_invalid_cell_is_listed_and_nothing_is_written(importer: Importer, catalogue: Catalogue, column: str) -> None:
    value, reason = INVALID_CELLS[column]
    report = importer(row(id="1"), row(**{column: value}))
    assert (report.rows, report.rejected_rows, report.rejects_file, report.merged) == (
        2,
        1,
        importer.rejects_file,
        None,
    )
    ((line, rejected_column, printed, rejected_reason),) = importer.rejects()
    assert (line, rejected_column, rejected_reason) == ("3", column, reason)
    assert printed.removesuffix("…") == value.replace("\t", "\\t")[:80]
    assert catalogue.is_empty()


@pytest.mark.parametrize("checkout", ["2026-03-01", "2026-02-28"])
def test_stay_without_a_night_is_rejected(importer: Importer, checkout: str) -> None:
    importer(row(checkin_date="2026-03-01", checkout_date=checkout))
    assert importer.rejects() == [("2", "checkout_date", checkout, "must be after the check-in on 2026-03-01")]


def test_all_problems_of_a_row_are_listed_and_row_counts_once(importer: Importer) -> None:
    invalid = {column: value for column, (value, _) in INVALID_CELLS.items()}
    report = importer(invalid)
    assert report.rejected_rows == 1
    assert importer.rejects() == [
        ("2", column, value.replace("\t", "\\t")[:80] + "…" * (len(value) > 80), reason)
        for column, (value, reason) in INVALID_CELLS.items()
    ]


def test_row_with_missing_cells_is_listed(importer: Importer, catalogue: Catalogue) -> None:
    importer.file.write_text(to_csv([row()]) + "8,Crown Tower\n")
    report = load_deals(importer.file, dsn=importer.dsn, progress=ignore_progress)
    assert (report.rows, report.rejected_rows) == (2, 1)
    assert importer.rejects() == [("3", "", "8,Crown Tower", "has 2 cells instead of 15")]
    assert catalogue.is_empty()


def test_control_characters_are_escaped_in_rejects_file(importer: Importer) -> None:
    importer(row(room_type='a\0b\u202e\n"c",\\.'))
    assert importer.rejects() == [
        ("2", "room_type", 'a\\x00b\\u202e\\n"c",\\.', "must not contain control characters or lone surrogates")
    ]


def test_rejects_are_sorted_by_line(importer: Importer) -> None:
    rows: list[Row] = [row(id=str(number)) for number in range(1, 8)]
    rows[1] = row(id="1")
    rows[4] = row(id="1", price_per_night="x")
    rows[2] = row(id="3", hotel_phone="+1")
    rows[5] = row(id="6", discount_percent="x")
    importer(*rows)
    assert [int(line) for line, *_ in importer.rejects()] == [3, 4, 6, 6, 7]


def test_report_has_first_ten_rejects_in_order_of_lines(importer: Importer) -> None:
    rows = [row(id=str(number)) for number in range(1, 13)]
    rows[0] = row(id="12", price_per_night="0")
    rows[3:] = [row(id="x\x1b")] * 11
    report = importer(*rows)
    assert [(cell.line, cell.column, cell.value) for cell in report.first_rejects] == [
        (2, "price_per_night", "0"),
        *((line, "id", "x\\x1b") for line in range(5, 14)),
    ]
    assert len(importer.rejects()) == 12


def test_report_without_rejects_lists_none(importer: Importer) -> None:
    report = importer(row())
    assert (report.file, report.first_rejects) == (importer.file, [])


def test_partial_import_writes_valid_rows(importer: Importer, catalogue: Catalogue) -> None:
    report = importer(row(), row(id="x"), row(id="9"), partial=True)
    assert (report.rows, report.rejected_rows, report.rejects_file) == (3, 1, importer.rejects_file)
    assert report.merged is not None
    assert (report.merged.deals_inserted, report.merged.deals_unchanged) == (2, 0)
    assert catalogue.all("SELECT external_id FROM deals ORDER BY id") == [(7,), (9,)]


def test_rejected_row_adds_no_hotel(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(), other_hotel(id="x"), partial=True)
    assert catalogue.all("SELECT name FROM hotels") == [("Crown Tower",)]


@pytest.mark.parametrize("value", ["=HYPERLINK(1)", "+1+1", "-5", "@SUM(1)"])
def test_formula_in_rejects_file_is_text(importer: Importer, value: str) -> None:
    importer(row(price_per_night=value))
    assert importer.rejects()[0][2] == f"'{value}"


def test_rejects_file_has_byte_order_mark_and_accents(importer: Importer) -> None:
    importer(row(price_per_night="89,90 €"))
    assert importer.rejects_file.read_bytes().startswith(b"\xef\xbb\xbfline,column,value,reason\n")
    assert importer.rejects()[0][2] == "89,90 €"


def test_reason_with_invisible_character_is_escaped(importer: Importer) -> None:
    importer(row(hotel_city="Toron\xadto"), row(id="8"))
    assert importer.rejects()[0][3] == "is the phone of Crown Tower in Toron\\xadto, Canada on line 2"


def test_damaged_cell_rejects_its_row(importer: Importer, catalogue: Catalogue) -> None:
    content = to_csv([row(room_type="Détente"), row(id="8", room_type="Deluxe?")]).encode()
    importer.file.write_bytes(content.replace(b"Deluxe?", b"Delux\xe9"))
    load_deals(importer.file, dsn=importer.dsn, progress=ignore_progress, partial=True)
    assert importer.rejects() == [("3", "room_type", "Delux\\xe9", "must be UTF-8, and has bytes that are not")]
    assert catalogue.one("SELECT external_id FROM deals") == 7


def test_import_without_rejects_removes_earlier_rejects_file(importer: Importer) -> None:
    importer(row(id="x"))
    assert importer.rejects_file.exists()
    assert importer(row()).rejects_file is None
    assert not importer.rejects_file.exists()


def test_files_that_differ_in_suffix_have_separate_rejects_files(importer: Importer) -> None:
    importer(row(id="x"))
    other = replace(importer, file=importer.file.with_suffix(".txt"))
    assert other(row(id="y")).rejects_file == importer.file.with_name("deals.txt.rejects.csv")
    assert other(row()).rejects_file is None
    assert importer.rejects()[0][2] == "x"
