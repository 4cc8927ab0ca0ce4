"""Validating chunks of rows."""

from datetime import datetime

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.importer.cells import PARSERS
from app.importer.types import COLUMN_NAMES, RejectedCell, printable_prefix
from app.importer.validation import VALID_PATTERNS, validate
from tests.support.deal_files import Row, row


def cells(*rows: Row) -> pd.DataFrame:
    return pd.DataFrame(list(rows), index=[10 * number for number in range(1, len(rows) + 1)], dtype=object)


def test_valid_rows_are_returned_with_columns_in_order() -> None:
    values, rejects = validate(cells(row(room_type=" Suite ", is_available="FALSE"))[list(reversed(COLUMN_NAMES))])
    assert rejects == []
    assert tuple(values.columns) == COLUMN_NAMES
    assert values.loc[10, "room_type"] == "Suite"
    assert values.loc[10, "is_available"] == "false"


def test_invalid_cell_is_missing_and_rest_of_row_is_present() -> None:
    values, rejects = validate(cells(row(), row(discount_percent="x"), row(discount_percent="31")))
    assert [(cell.line, cell.column, cell.value) for cell in rejects] == [(20, "discount_percent", "x")]
    assert values["discount_percent"].isna().tolist() == [False, True, False]
    assert values["room_type"].tolist() == ["Deluxe"] * 3


def test_repeated_invalid_cell_is_rejected_on_every_line() -> None:
    _, rejects = validate(cells(row(id="x"), row(id="x")))
    assert [(cell.line, cell.column) for cell in rejects] == [(10, "id"), (20, "id")]


def test_cells_that_differ_only_after_a_nul_are_distinct() -> None:
    values, rejects = validate(cells(row(room_type="a"), row(room_type="a\0b"), row(room_type="a\0c")))
    assert [cell.value for cell in rejects] == ["a\0b", "a\0c"]
    assert values.loc[10, "room_type"] == "a"


def test_texts_that_resemble_missing_values_are_stored() -> None:
    names = ["nan", "NaN", "None", "NULL", "NA", "\\N", "\\."]
    values, rejects = validate(cells(*(row(room_type=name) for name in names)))
    assert rejects == []
    assert values["room_type"].tolist() == names


def test_stay_order_is_checked_only_if_both_dates_are_valid() -> None:
    _, rejects = validate(cells(row(checkin_date="x"), row(checkout_date="2026-03-01")))
    assert rejects == [
        RejectedCell(10, "checkin_date", "x", "must be a date like 2026-03-01, from 2000-01-01 to 2100-01-01"),
        RejectedCell(20, "checkout_date", "2026-03-01", "must be after the check-in on 2026-03-01"),
    ]


def test_chunk_without_rows_has_no_values() -> None:
    values, rejects = validate(pd.DataFrame(columns=list(COLUMN_NAMES), dtype=object))
    assert len(values) == len(rejects) == 0


def test_printable_prefix_escapes_and_truncates() -> None:
    assert printable_prefix("Zürich") == "Zürich"
    assert printable_prefix("a\0\n\x85\u202e\udcff") == "a\\x00\\n\\x85\\u202e\\xff"
    assert printable_prefix("x" * 80) == "x" * 80
    assert printable_prefix("x" * 81) == "x" * 80 + "…"


@pytest.mark.parametrize("column", VALID_PATTERNS)
@given(data=st.data())
def test_cells_that_match_the_pattern_of_valid_values_are_valid(column: str, data: st.DataObject) -> None:
    cell = data.draw(st.from_regex(VALID_PATTERNS[column], fullmatch=True))
    parsed = PARSERS[column](cell)
    assert parsed == cell or datetime.fromisoformat(parsed) == datetime.fromisoformat(cell)


def test_text_of_arrow_is_validated_like_python_strings() -> None:
    rows = [
        row(),
        row(id="x"),
        row(id="8", created_at="2025-02-29T00:00:00Z"),
        row(price_per_night="1,5", categories="['a']"),
    ]
    values, rejects = validate(cells(*rows).astype(pd.ArrowDtype(pa.string())))
    expected_values, expected_rejects = validate(cells(*rows))
    pd.testing.assert_frame_equal(values, expected_values)
    assert rejects == expected_rejects


def test_valid_text_of_arrow_is_not_parsed() -> None:
    values, rejects = validate(cells(row()).astype(pd.ArrowDtype(pa.string())))
    assert values.loc[10, "created_at"] == row()["created_at"]
    assert rejects == []
