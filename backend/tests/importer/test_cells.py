"""Parsing the cells of each column."""

import pytest
from sqlalchemy import String
from sqlalchemy.orm import InstrumentedAttribute

from app.importer.cells import PARSERS, parse_cell
from app.importer.types import COLUMN_NAMES
from app.models import Deal, Hotel

COMPOSED, DECOMPOSED = "Zürich", "Zu\u0308rich"

VALID = [
    ("id", "1", "1"),
    ("id", " 0042 ", "42"),
    ("id", "9223372036854775807", "9223372036854775807"),
    ("hotel_name", "  Crown Tower ", "Crown Tower"),
    ("hotel_city", DECOMPOSED, COMPOSED),
    ("hotel_country", "Côte d'Ivoire", "Côte d'Ivoire"),
    ("hotel_phone", "+49-30-555-3780", "+49-30-555-3780"),
    ("room_type", "Deluxe, with a view", "Deluxe, with a view"),
    ("hotel_star_rating", "1", "1"),
    ("hotel_star_rating", "5.0", "5"),
    ("price_per_night", "0.01", "0.01"),
    ("price_per_night", "129", "129"),
    ("price_per_night", "129.5", "129.5"),
    ("original_price", " 99999999.99 ", "99999999.99"),
    ("discount_percent", "0", "0"),
    ("discount_percent", "100.0", "100"),
    ("checkin_date", "2000-01-01", "2000-01-01"),
    ("checkin_date", " 2024-02-29 ", "2024-02-29"),
    ("checkout_date", "2100-01-01", "2100-01-01"),
    ("checkin_date", "2026-03-01 00:00:00", "2026-03-01"),
    ("checkin_date", "2026-03-01T00:00:00.000Z", "2026-03-01"),
    ("checkin_date", "2026-03-01 00:00:00+00", "2026-03-01"),
    ("is_available", "True", "true"),
    ("is_available", " fALSE ", "false"),
    ("is_available", "t", "true"),
    ("is_available", "F", "false"),
    ("is_available", "1", "true"),
    ("is_available", "0", "false"),
    ("is_available", "YES", "true"),
    ("is_available", "no", "false"),
    ("categories", "", ""),
    ("categories", " , ,", ""),
    ("categories", "luxury", "luxury"),
    ("categories", " luxury ,,romantic, ", "luxury,romantic"),
    ("categories", "Luxury,beach,Luxury", "Luxury,beach"),
    ("categories", "x" * 50, "x" * 50),
    ("categories", ",".join(map(str, range(20))), ",".join(map(str, range(20)))),
    ("categories", "luxury,LUXURY," * 20, "luxury,LUXURY"),
    ("categories", "luxury;family", "luxury,family"),
    ("categories", "luxury | family", "luxury,family"),
    ("categories", "['luxury', 'family']", "luxury,family"),
    ("categories", "('luxury', 'family')", "luxury,family"),
    ("categories", '["luxury", "d\\u00e9tente"]', "luxury,détente"),
    ("categories", '{luxury,"family fun"}', "luxury,family fun"),
    ("categories", "[luxury, family]", "luxury,family"),
    ("categories", "[]", ""),
    ("categories", "{}", ""),
    ("categories", "spa (adults only),kids' club", "spa (adults only),kids' club"),
    ("created_at", "2025-11-03T09:12:44Z", "2025-11-03T09:12:44+00:00"),
    ("created_at", "2025-11-03 09:12:44", "2025-11-03T09:12:44+00:00"),
    ("created_at", "2025-11-03T09:12:44.123456+05:30", "2025-11-03T03:42:44.123456+00:00"),
    ("created_at", "2025-11-03T09:12-0800", "2025-11-03T17:12:00+00:00"),
    ("created_at", "2025-11-03", "2025-11-03T00:00:00+00:00"),
    ("created_at", "2025-11-03t09:12:44z", "2025-11-03T09:12:44+00:00"),
    ("created_at", "2025-11-03 09:12:44+00", "2025-11-03T09:12:44+00:00"),
    ("created_at", "2025-11-03 09:12:44.25-05", "2025-11-03T14:12:44.250000+00:00"),
    ("created_at", "2025-11-03T09:12:44.1234567Z", "2025-11-03T09:12:44.123456+00:00"),
    ("created_at", "2025-11-03 09:12:44.0000000 +01:00", "2025-11-03T08:12:44+00:00"),
    ("created_at", "2025-11-03 09:12:44.123456789Z", "2025-11-03T09:12:44.123456+00:00"),
    ("created_at", "2025-11-03 09:12:44 UTC", "2025-11-03T09:12:44+00:00"),
    ("created_at", "2025-11-03T09:12:44.000Z", "2025-11-03T09:12:44+00:00"),
    ("created_at", "2025-11-03T09:12:44+23:59", "2025-11-02T09:13:44+00:00"),
    ("created_at", "2025-11-03 9:12", "2025-11-03T09:12:00+00:00"),
    ("created_at", "2025-11-03T09:12:44,5Z", "2025-11-03T09:12:44.500000+00:00"),
    ("created_at", "2000-01-01T00:00:00Z", "2000-01-01T00:00:00+00:00"),
    ("created_at", "2100-01-01T01:00:00+01:00", "2100-01-01T00:00:00+00:00"),
]

TEXT_COLUMNS = ("hotel_name", "hotel_city", "hotel_country", "hotel_phone", "room_type")
PRICE_COLUMNS = ("price_per_night", "original_price")
DATE_COLUMNS = ("checkin_date", "checkout_date")

INVALID_INTEGERS = ("", "-1", "+1", "1.5", "1e0", "1_0", "x", "NaN", "٣", "1 0", "9" * 5000)
INVALID_PRICES = (
    *("", "0", "0.00", "-5", "+5", "5.", ".5", "1.234", "129.500", "1e2", "1e400", "NaN", "Infinity", "1,5", "٣"),
    *("100000000", "99999999.991", "9" * 5000, "$5", "0x10"),
)
INVALID_DATES = (
    *("", "1999-12-31", "2100-01-02", "2026-02-29", "2026-13-01", "2026-3-1", "01.03.2026", "20260301", "2026-W10-1"),
    *("2026-03-01T12:00:00", "2026-03-01T00:00:00+02", "infinity", "-2026-03-01", "0000-00-00", "٢٠٢٦-03-01", "today"),
)
INVALID_TIMESTAMPS = (
    *("", "1999-12-31T23:59:59Z", "2000-01-01T00:00:00+01:00", "2100-01-01T00:00:00.000001Z", "2025-02-29T00:00:00Z"),
    *("2025-11-03T25:00:00Z", "2025-11-03T09:12:44 Europe/Rome", "1762161164", "0001-01-01T00:00:00+14:00", "now"),
    *("9999-12-31T23:59:59-14:00", "infinity", "2025-11-03T09", "20251103T091244Z", "2025-11-03-05", "2025-11-03 -05"),
    *("2025-11-03T09:12:44.1234567890Z", "2025-11-03T09:12:44 Z", "2025-11-03T09:12:44  +01:00", "2025-11-03T09:12+1"),
)

INVALID = [
    *(("id", cell) for cell in (*INVALID_INTEGERS, "0", "9223372036854775808", "7.0")),
    *(("hotel_star_rating", cell) for cell in (*INVALID_INTEGERS, "0", "6", "4.00", ".0", "4.0.0")),
    *(("discount_percent", cell) for cell in (*INVALID_INTEGERS, "101", "-0")),
    *((column, cell) for column in TEXT_COLUMNS for cell in ("", "  ", "a\0b", "a\nb", "a\x85b", "a\ud800b")),
    *((column, cell) for column in ("hotel_phone", "id") for cell in ("4.12216E+11", "4,72256E+11", "4E11", " 4.e11 ")),
    ("hotel_phone", "14165550101.0"),
    *((column, cell) for column in PRICE_COLUMNS for cell in INVALID_PRICES),
    *((column, cell) for column in DATE_COLUMNS for cell in INVALID_DATES),
    *(("is_available", cell) for cell in ("", "2", "-1", "1.0", "yess", "tr", "Truee", "true false")),
    *(("categories", cell) for cell in ("x" * 51, "a\0b", "luxury,\x07", ",".join(map(str, range(21))))),
    *(("categories", cell) for cell in ("['luxury'", "luxury]", '{"a": 1}', '["a", ["b"]]', "['a', 1]b", '"luxury"')),
    *(
        ("categories", cell)
        for cell in ("luxury;family,beach", '["bed, breakfast"]', "[" * 5000, "'luxury'", '["a", ]}')
    ),
    *(
        ("categories", cell)
        for cell in ("NULL", "{NULL}", "[None]", "[null]", "nan", "\\N", "[1, 2]", "{'a','b'}", "['a\\d', 1]")
    ),
    *(("created_at", cell) for cell in INVALID_TIMESTAMPS),
]


def test_every_column_has_a_parser() -> None:
    assert tuple(PARSERS) == COLUMN_NAMES


@pytest.mark.parametrize(("column", "cell", "value"), VALID)
def test_valid_cell_is_normalised(column: str, cell: str, value: str) -> None:
    assert PARSERS[column](cell) == value


@pytest.mark.parametrize(("column", "cell"), INVALID, ids=lambda text: ascii(text)[1:20])
def test_invalid_cell_is_rejected_with_reason(column: str, cell: str) -> None:
    with pytest.raises(ValueError, match=r"^must (not )?\w+"):
        PARSERS[column](cell)


@pytest.mark.parametrize(
    ("column", "stored_in"),
    [
        ("hotel_name", Hotel.name),
        ("hotel_city", Hotel.city),
        ("hotel_country", Hotel.country),
        ("hotel_phone", Hotel.phone),
        ("room_type", Deal.room_type),
    ],
)
def test_maximum_text_length_is_that_of_the_database_column(column: str, stored_in: InstrumentedAttribute[str]) -> None:
    assert isinstance(stored_in.type, String)
    length = stored_in.type.length or 0
    assert PARSERS[column]("é" * length) == "é" * length
    with pytest.raises(ValueError, match=f"at most {length} characters"):
        PARSERS[column]("é" * (length + 1))


def test_damaged_byte_is_the_reason_in_every_column() -> None:
    for column, parse in PARSERS.items():
        with pytest.raises(ValueError, match="must be UTF-8") as caught:
            parse_cell(parse, "Z\udcfcrich")
        assert str(caught.value) == "must be UTF-8, and has bytes that are not", column


def test_reason_against_decimal_comma_names_the_point() -> None:
    with pytest.raises(ValueError, match="after a point"):
        PARSERS["price_per_night"]("119,50")
