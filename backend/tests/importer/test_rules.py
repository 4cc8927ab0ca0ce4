"""What each column takes, and what it makes of it."""

import pytest
from sqlalchemy import String
from sqlalchemy.orm import InstrumentedAttribute

from app.importer.types import COLUMNS
from app.importer.validation import RULES
from app.models import Deal, Hotel

COMPOSED, DECOMPOSED = "Zürich", "Zu\u0308rich"

GOOD = [
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
    ("is_available", "True", "true"),
    ("is_available", " fALSE ", "false"),
    ("categories", "", ""),
    ("categories", " , ,", ""),
    ("categories", "luxury", "luxury"),
    ("categories", " luxury ,,romantic, ", "luxury,romantic"),
    ("categories", "Luxury,beach,LUXURY", "Luxury,beach"),
    ("categories", "x" * 50, "x" * 50),
    ("categories", ",".join(map(str, range(20))), ",".join(map(str, range(20)))),
    ("categories", "luxury,LUXURY," * 20, "luxury"),
    ("created_at", "2025-11-03T09:12:44Z", "2025-11-03T09:12:44+00:00"),
    ("created_at", "2025-11-03 09:12:44", "2025-11-03T09:12:44+00:00"),
    ("created_at", "2025-11-03T09:12:44.123456+05:30", "2025-11-03T09:12:44.123456+05:30"),
    ("created_at", "2025-11-03T09:12-0800", "2025-11-03T09:12:00-08:00"),
    ("created_at", "2025-11-03", "2025-11-03T00:00:00+00:00"),
    ("created_at", "2000-01-01T00:00:00Z", "2000-01-01T00:00:00+00:00"),
    ("created_at", "2100-01-01T01:00:00+01:00", "2100-01-01T01:00:00+01:00"),
]

TEXT_COLUMNS = ("hotel_name", "hotel_city", "hotel_country", "hotel_phone", "room_type")
PRICE_COLUMNS = ("price_per_night", "original_price")
DATE_COLUMNS = ("checkin_date", "checkout_date")

BAD_WHOLE_NUMBERS = ("", "-1", "+1", "1.5", "1e0", "1_0", "x", "NaN", "٣", "1 0", "9" * 5000)
BAD_PRICES = (
    *("", "0", "0.00", "-5", "+5", "5.", ".5", "1.234", "129.500", "1e2", "1e400", "NaN", "Infinity", "1,5", "٣"),
    *("100000000", "99999999.991", "9" * 5000, "$5", "0x10"),
)
BAD_DATES = (
    *("", "1999-12-31", "2100-01-02", "2026-02-29", "2026-13-01", "2026-3-1", "01.03.2026", "20260301", "2026-W10-1"),
    *("2026-03-01T00:00:00", "infinity", "-2026-03-01", "0000-00-00", "٢٠٢٦-03-01", "today"),
)
BAD_INSTANTS = (
    *("", "1999-12-31T23:59:59Z", "2000-01-01T00:00:00+01:00", "2100-01-01T00:00:00.000001Z", "2025-02-29T00:00:00Z"),
    *("2025-11-03T25:00:00Z", "2025-11-03T09:12:44 Europe/Rome", "1762161164", "0001-01-01T00:00:00+14:00", "now"),
    *("9999-12-31T23:59:59-14:00", "infinity", "2025-11-03T09", "20251103T091244Z"),
)

BAD = [
    *(("id", cell) for cell in (*BAD_WHOLE_NUMBERS, "0", "9223372036854775808", "7.0")),
    *(("hotel_star_rating", cell) for cell in (*BAD_WHOLE_NUMBERS, "0", "6", "4.00", ".0", "4.0.0")),
    *(("discount_percent", cell) for cell in (*BAD_WHOLE_NUMBERS, "101", "-0")),
    *((column, cell) for column in TEXT_COLUMNS for cell in ("", "  ", "a\0b", "a\nb", "a\x85b", "a\ud800b")),
    *((column, cell) for column in PRICE_COLUMNS for cell in BAD_PRICES),
    *((column, cell) for column in DATE_COLUMNS for cell in BAD_DATES),
    *(("is_available", cell) for cell in ("", "1", "yes", "t", "Truee", "true false")),
    *(("categories", cell) for cell in ("x" * 51, "a\0b", "luxury,\x07", ",".join(map(str, range(21))))),
    *(("created_at", cell) for cell in BAD_INSTANTS),
]


def test_there_is_a_rule_for_every_column() -> None:
    assert tuple(RULES) == COLUMNS


@pytest.mark.parametrize(("column", "cell", "value"), GOOD)
def test_a_good_cell_becomes_its_plain_form(column: str, cell: str, value: str) -> None:
    assert RULES[column](cell) == value


@pytest.mark.parametrize(("column", "cell"), BAD, ids=lambda text: ascii(text)[1:20])
def test_a_bad_cell_is_refused_with_a_reason(column: str, cell: str) -> None:
    with pytest.raises(ValueError, match=r"^must (not )?\w+"):
        RULES[column](cell)


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
def test_text_may_be_as_long_as_its_column(column: str, stored_in: InstrumentedAttribute[str]) -> None:
    assert isinstance(stored_in.type, String)
    length = stored_in.type.length or 0
    assert RULES[column]("é" * length) == "é" * length
    with pytest.raises(ValueError, match=f"at most {length} characters"):
        RULES[column]("é" * (length + 1))
