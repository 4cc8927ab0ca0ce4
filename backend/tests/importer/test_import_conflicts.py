"""Rejecting rows that conflict with other rows or with the catalogue."""

import pytest

from app.importer.types import OnConflict
from tests.support.deal_files import other_hotel, row
from tests.support.import_catalogue import Catalogue, Importer


def test_invalid_row_is_still_checked_for_conflicts(importer: Importer) -> None:
    importer(row(price_per_night="free"), row(hotel_city="Ottawa", room_type=""))
    assert [(line, column) for line, column, _, _ in importer.rejects()] == [
        ("2", "price_per_night"),
        ("3", "room_type"),
        ("3", "id"),
        ("3", "hotel_phone"),
    ]


def test_repeated_id_is_rejected_after_first_row(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(), row(id="8"), row(id="007", room_type="Suite"), row(room_type="Twin"), partial=True)
    assert importer.rejects() == [
        ("4", "id", "7", "is also the id of line 2"),
        ("5", "id", "7", "is also the id of line 2"),
    ]
    deals = catalogue.all("SELECT external_id, room_type FROM deals ORDER BY id")
    assert deals == [(7, "Deluxe"), (8, "Deluxe")]


@pytest.mark.parametrize(
    "change", [{"hotel_name": "Crown Towers"}, {"hotel_city": "Ottawa"}, {"hotel_country": "Kanada"}]
)
def test_second_hotel_with_same_phone_is_rejected(importer: Importer, change: dict[str, str]) -> None:
    importer(row(), row(id="8", **change), row(id="9"))
    reason = "is the phone of Crown Tower in Toronto, Canada on line 2"
    assert importer.rejects() == [("3", "hotel_phone", "'+1-416-555-1333", reason)]


def test_second_phone_of_same_hotel_is_rejected(importer: Importer) -> None:
    importer(row(), row(id="8", hotel_phone="+1-416-555-0000"), row(id="9"))
    reason = "in Toronto, Canada has the phone +1-416-555-1333 on line 2"
    assert importer.rejects() == [("3", "hotel_name", "Crown Tower", reason)]


def test_same_hotel_name_in_different_cities_is_accepted(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(), row(id="8", hotel_city="Ottawa", hotel_phone="+1-613-555-0000"))
    assert catalogue.one("SELECT count(*) FROM hotels") == 2


def test_row_that_conflicts_only_with_rejected_row_is_accepted(importer: Importer, catalogue: Catalogue) -> None:
    mixed = {"hotel_name": "Park Inn", "hotel_city": "Rome", "hotel_country": "Italy"}
    report = importer(row(), row(id="8", **mixed), other_hotel(id="9"), partial=True)
    assert report.rejected_rows == 1
    assert [(line, column) for line, column, _, _ in importer.rejects()] == [("3", "hotel_phone"), ("3", "hotel_name")]
    assert catalogue.all("SELECT name FROM hotels ORDER BY id") == [("Crown Tower",), ("Park Inn",)]


def test_hotels_in_catalogue_take_precedence_over_file(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    importer(row(id="8", hotel_name="Crown"), row(id="9", hotel_phone="+1"), row(id="10"), partial=True)
    assert importer.rejects() == [
        ("2", "hotel_phone", "'+1-416-555-1333", "is the phone of Crown Tower in Toronto, Canada in the catalogue"),
        ("3", "hotel_name", "Crown Tower", "in Toronto, Canada has the phone +1-416-555-1333 in the catalogue"),
    ]
    assert catalogue.all("SELECT external_id FROM deals ORDER BY id") == [(7,), (10,)]


def test_invalid_row_does_not_claim_its_id(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(price_per_night="-5"), row(price_per_night="88"), row(price_per_night="89"), partial=True)
    assert [(line, column, reason) for line, column, _, reason in importer.rejects()] == [
        ("2", "price_per_night", "must be a price from 0.01 to 99999999.99 with at most two decimals"),
        ("2", "id", "is also the id of line 3"),
        ("4", "id", "is also the id of line 3"),
    ]
    assert catalogue.one("SELECT price_per_night::text FROM deals") == "88.00"


def test_invalid_row_does_not_claim_its_phone(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(hotel_star_rating="9"), other_hotel(id="8", hotel_phone="+1-416-555-1333"), partial=True)
    assert [(line, column) for line, column, _, _ in importer.rejects()] == [
        ("2", "hotel_star_rating"),
        ("2", "hotel_phone"),
    ]
    assert catalogue.one("SELECT name FROM hotels") == "Park Inn"


def test_hotel_of_invalid_and_valid_rows_is_claimed_by_first_valid_row(importer: Importer) -> None:
    same_phone = {"hotel_phone": "+1-416-555-1333"}
    importer(row(hotel_star_rating="9"), row(id="8"), other_hotel(id="9", **same_phone), partial=True)
    assert importer.rejects()[1:] == [
        ("4", "hotel_phone", "'+1-416-555-1333", "is the phone of Crown Tower in Toronto, Canada on line 3")
    ]


def test_row_with_repeated_id_does_not_claim_its_phone(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(), other_hotel(hotel_name="Inn"), other_hotel(id="8"), partial=True)
    assert catalogue.all("SELECT name FROM hotels ORDER BY id") == [("Crown Tower",), ("Park Inn",)]


def test_row_rejected_for_existing_id_does_not_claim_its_phone(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    importer(other_hotel(hotel_name="Inn"), other_hotel(id="8"), on_conflict=OnConflict.ERROR, partial=True)
    assert catalogue.all("SELECT name FROM hotels ORDER BY id") == [("Crown Tower",), ("Park Inn",)]
