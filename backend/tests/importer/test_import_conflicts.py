"""Rejecting rows that conflict with other rows or with the catalogue."""

import pytest

from app.importer.types import NewPhone, OnConflict
from tests.support.deal_files import Row, other_hotel, row
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


def test_new_phone_in_all_rows_of_a_hotel_is_stored(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(), row(id="8"))
    report = importer(row(hotel_phone="+1"), row(id="9", hotel_phone="+1"), other_hotel(id="10"))
    assert report.merged is not None
    assert (report.merged.phones_updated, report.merged.hotels_added) == (1, 1)
    assert catalogue.all("SELECT name, phone FROM hotels ORDER BY id") == [
        ("Crown Tower", "+1"),
        ("Park Inn", "+39-06-555-1000"),
    ]
    assert catalogue.one("SELECT count(DISTINCT hotel_id) FROM deals WHERE external_id < 10") == 1


def test_earlier_phone_of_a_hotel_is_free_for_another(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    importer(row(hotel_phone="+1"), other_hotel(id="8", hotel_phone="+1-416-555-1333"))
    assert catalogue.all("SELECT phone, name FROM hotels ORDER BY id") == [
        ("+1", "Crown Tower"),
        ("+1-416-555-1333", "Park Inn"),
    ]


def test_new_phone_is_rejected_on_request(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    assert importer(row(hotel_phone="+1"), new_phone=NewPhone.REJECT).rejected_rows == 1
    assert catalogue.one("SELECT phone FROM hotels") == "+1-416-555-1333"


@pytest.mark.parametrize(
    "others",
    [
        [row(id="8")],
        [row(id="8", hotel_phone="+2")],
        [other_hotel(id="8", hotel_phone="+1")],
        [other_hotel(id="9")],
    ],
    ids=["earlier phone", "two new phones", "phone of another hotel of the file", "phone of a hotel of the catalogue"],
)
def test_ambiguous_new_phone_is_rejected(importer: Importer, catalogue: Catalogue, others: list[Row]) -> None:
    importer(row(), other_hotel(id="9"))
    phone = "+39-06-555-1000" if others[0]["id"] == "9" else "+1"
    report = importer(row(hotel_phone=phone), *others, partial=True)
    assert report.rejected_rows > 0
    assert report.merged is not None
    assert report.merged.phones_updated == 0
    assert catalogue.one("SELECT phone FROM hotels WHERE name = 'Crown Tower'") == "+1-416-555-1333"


def test_new_phone_in_rejected_rows_is_ignored(importer: Importer, catalogue: Catalogue) -> None:
    importer(row())
    importer(row(hotel_phone="+1", price_per_night="0"), row(id="8"), partial=True)
    assert catalogue.one("SELECT phone FROM hotels") == "+1-416-555-1333"


def test_reason_against_earlier_phone_names_the_line_of_the_new_one(importer: Importer) -> None:
    importer(row())
    importer(row(hotel_phone="+1"), row(id="8", price_per_night="0"), partial=True)
    assert importer.rejects()[1:] == [
        ("3", "hotel_name", "Crown Tower", "in Toronto, Canada has the phone +1 on line 2"),
    ]


def test_row_with_conflicting_hotel_does_not_claim_its_id(importer: Importer, catalogue: Catalogue) -> None:
    conflicting = {"hotel_phone": "+1-416-555-1333"}
    importer(row(), other_hotel(id="8", **conflicting), row(id="8", room_type="Suite"), partial=True)
    assert [(line, column) for line, column, _, _ in importer.rejects()] == [("3", "id"), ("3", "hotel_phone")]
    assert catalogue.all("SELECT external_id, room_type FROM deals ORDER BY id") == [(7, "Deluxe"), (8, "Suite")]


def test_freed_id_is_not_claimed_by_a_row_that_conflicts_itself(importer: Importer, catalogue: Catalogue) -> None:
    importer(
        row(),
        other_hotel(id="8", hotel_phone="+1-416-555-1333"),
        other_hotel(id="8", hotel_phone="+2"),
        row(id="9", hotel_name="Lakeside", hotel_phone="+2"),
        other_hotel(id="8"),
        partial=True,
    )
    assert {line for line, *_ in importer.rejects()} == {"3", "4"}
    assert catalogue.all("SELECT name FROM hotels ORDER BY name") == [("Crown Tower",), ("Lakeside",), ("Park Inn",)]


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
