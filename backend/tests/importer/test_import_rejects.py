"""Every bad line is reported, and what becomes of the good ones."""

import pytest

from app.importer.pipeline import load_deals
from app.importer.types import COLUMNS
from tests.support.deal_files import Row, other_hotel, row, text_of
from tests.support.import_catalogue import Catalogue, Importer, ignore

BAD_CELLS = {
    "id": ("-1", "must be a whole number from 1 to 9223372036854775807"),
    "hotel_name": ("", "must not be empty"),
    "hotel_city": ("x" * 101, "must have at most 100 characters"),
    "hotel_country": ("Can\tada", "must not hold control characters or lone surrogates"),
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


def test_every_column_has_a_bad_cell_here() -> None:
    assert tuple(BAD_CELLS) == COLUMNS


@pytest.mark.parametrize("column", COLUMNS)
def test_a_bad_cell_is_listed_and_nothing_is_written(importer: Importer, catalogue: Catalogue, column: str) -> None:
    value, reason = BAD_CELLS[column]
    report = importer(row(id="1"), row(**{column: value}))
    assert (report.rows, report.rejected, report.rejects, report.merged) == (2, 1, importer.rejects_file, None)
    (line, at, printable_prefix, why) = importer.rejects()[0]
    assert (line, at, why) == ("3", column, reason)
    assert len(importer.rejects()) == 1
    assert printable_prefix.removesuffix("…") == value.replace("\t", "\\t")[:80]
    assert catalogue.is_empty()


@pytest.mark.parametrize("checkout", ["2026-03-01", "2026-02-28"])
def test_a_stay_lasts_a_night_at_least(importer: Importer, checkout: str) -> None:
    importer(row(checkin_date="2026-03-01", checkout_date=checkout))
    assert importer.rejects() == [("2", "checkout_date", checkout, "must be after the check-in on 2026-03-01")]


def test_every_problem_of_a_row_is_listed_and_the_row_counts_once(importer: Importer) -> None:
    bad = {column: value for column, (value, _) in BAD_CELLS.items()}
    report = importer(bad)
    assert report.rejected == 1
    assert importer.rejects() == [
        ("2", column, value.replace("\t", "\\t")[:80] + "…" * (len(value) > 80), reason)
        for column, (value, reason) in BAD_CELLS.items()
    ]


def test_a_bad_row_is_still_compared_with_the_others(importer: Importer) -> None:
    importer(row(price_per_night="free"), row(hotel_city="Ottawa", room_type=""))
    assert [(line, column) for line, column, _, _ in importer.rejects()] == [
        ("2", "price_per_night"),
        ("3", "room_type"),
        ("3", "id"),
        ("3", "hotel_phone"),
    ]


def test_a_ragged_row_is_listed(importer: Importer, catalogue: Catalogue) -> None:
    importer.file.write_text(text_of([row()]) + "8,Crown Tower\n")
    report = load_deals(importer.file, dsn=importer.dsn, progress=ignore)
    assert (report.rows, report.rejected) == (2, 1)
    assert importer.rejects() == [("3", "", "8,Crown Tower", "has 2 cells instead of 15")]
    assert catalogue.is_empty()


def test_hostile_cells_are_listed_in_plain_text(importer: Importer) -> None:
    importer(row(room_type='a\0b\u202e\n"c",\\.'))
    assert importer.rejects() == [
        ("2", "room_type", 'a\\x00b\\u202e\\n"c",\\.', "must not hold control characters or lone surrogates")
    ]


def test_the_first_of_several_rows_with_an_id_is_the_good_one(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(), row(id="8"), row(id="007", room_type="Suite"), row(room_type="Twin"), partial=True)
    assert importer.rejects() == [
        ("4", "id", "7", "is the id of line 2 already"),
        ("5", "id", "7", "is the id of line 2 already"),
    ]
    deals = catalogue.all("SELECT external_id, room_type FROM deals ORDER BY id")
    assert deals == [(7, "Deluxe"), (8, "Deluxe")]


@pytest.mark.parametrize(
    "change", [{"hotel_name": "Crown Towers"}, {"hotel_city": "Ottawa"}, {"hotel_country": "Kanada"}]
)
def test_two_hotels_cannot_share_a_phone(importer: Importer, change: dict[str, str]) -> None:
    importer(row(), row(id="8", **change), row(id="9"))
    reason = "is the phone of Crown Tower in Toronto, Canada on line 2"
    assert importer.rejects() == [("3", "hotel_phone", "+1-416-555-1333", reason)]


def test_a_hotel_cannot_have_two_phones(importer: Importer) -> None:
    importer(row(), row(id="8", hotel_phone="+1-416-555-0000"), row(id="9"))
    reason = "in Toronto, Canada has the phone +1-416-555-1333 on line 2"
    assert importer.rejects() == [("3", "hotel_name", "Crown Tower", reason)]


def test_hotels_may_share_a_name_in_different_cities(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(), row(id="8", hotel_city="Ottawa", hotel_phone="+1-613-555-0000"))
    assert catalogue.one("SELECT count(*) FROM hotels") == 2


def test_a_row_that_contradicts_only_a_rejected_one_is_good(importer: Importer, catalogue: Catalogue) -> None:
    mixed = {"hotel_name": "Park Inn", "hotel_city": "Rome", "hotel_country": "Italy"}
    report = importer(row(), row(id="8", **mixed), other_hotel(id="9"), partial=True)
    assert report.rejected == 1
    assert [(line, column) for line, column, _, _ in importer.rejects()] == [("3", "hotel_phone"), ("3", "hotel_name")]
    assert catalogue.all("SELECT name FROM hotels ORDER BY id") == [("Crown Tower",), ("Park Inn",)]


def test_the_catalogues_hotels_come_before_the_files(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    importer(row(id="8", hotel_name="Crown"), row(id="9", hotel_phone="+1"), row(id="10"), partial=True)
    assert importer.rejects() == [
        ("2", "hotel_phone", "+1-416-555-1333", "is the phone of Crown Tower in Toronto, Canada in the catalogue"),
        ("3", "hotel_name", "Crown Tower", "in Toronto, Canada has the phone +1-416-555-1333 in the catalogue"),
    ]
    assert catalogue.all("SELECT external_id FROM deals ORDER BY id") == [(7,), (10,)]


def test_rejects_are_listed_by_line(importer: Importer) -> None:
    rows: list[Row] = [row(id=str(number)) for number in range(1, 8)]
    rows[1] = row(id="1")
    rows[4] = row(id="1", price_per_night="x")
    rows[2] = row(id="3", hotel_phone="+1")
    rows[5] = row(id="6", discount_percent="x")
    importer(*rows)
    assert [int(line) for line, *_ in importer.rejects()] == [3, 4, 6, 6, 7]


def test_partial_writes_the_good_rows(importer: Importer, catalogue: Catalogue) -> None:
    report = importer(row(), row(id="x"), row(id="9"), partial=True)
    assert (report.rows, report.rejected, report.rejects) == (3, 1, importer.rejects_file)
    assert report.merged is not None
    assert (report.merged.deals_inserted, report.merged.deals_unchanged) == (2, 0)
    assert catalogue.all("SELECT external_id FROM deals ORDER BY id") == [(7,), (9,)]


def test_a_rejected_row_adds_no_hotel(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(), other_hotel(id="x"), partial=True)
    assert catalogue.all("SELECT name FROM hotels") == [("Crown Tower",)]


def test_the_list_of_an_earlier_run_goes_once_nothing_is_rejected(importer: Importer) -> None:
    importer(row(id="x"))
    assert importer.rejects_file.exists()
    assert importer(row()).rejects is None
    assert not importer.rejects_file.exists()
