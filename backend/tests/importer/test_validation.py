"""A chunk of cells against the rules."""

import pandas as pd

from app.importer.types import COLUMNS, RejectedCell, printable_prefix
from app.importer.validation import check
from tests.support.deal_files import Row, row


def cells(*rows: Row) -> pd.DataFrame:
    return pd.DataFrame(list(rows), index=[10 * number for number in range(1, len(rows) + 1)], dtype=object)


def test_good_cells_become_values_in_the_columns_order() -> None:
    values, rejects = check(cells(row(room_type=" Suite ", is_available="FALSE"))[list(reversed(COLUMNS))])
    assert rejects == []
    assert tuple(values.columns) == COLUMNS
    assert values.loc[10, "room_type"] == "Suite"
    assert values.loc[10, "is_available"] == "false"


def test_a_bad_cell_is_missing_and_its_neighbours_stay() -> None:
    values, rejects = check(cells(row(), row(discount_percent="x"), row(discount_percent="31")))
    assert [(bad.line, bad.column, bad.value) for bad in rejects] == [(20, "discount_percent", "x")]
    assert values["discount_percent"].isna().tolist() == [False, True, False]
    assert values["room_type"].tolist() == ["Deluxe"] * 3


def test_a_cell_that_is_bad_in_every_row_is_rejected_in_every_row() -> None:
    _, rejects = check(cells(row(id="x"), row(id="x")))
    assert [(bad.line, bad.column) for bad in rejects] == [(10, "id"), (20, "id")]


def test_texts_that_differ_after_a_nul_are_different_texts() -> None:
    values, rejects = check(cells(row(room_type="a"), row(room_type="a\0b"), row(room_type="a\0c")))
    assert [bad.value for bad in rejects] == ["a\0b", "a\0c"]
    assert values.loc[10, "room_type"] == "a"


def test_texts_that_look_like_missing_values_are_texts() -> None:
    names = ["nan", "NaN", "None", "NULL", "NA", "\\N", "\\."]
    values, rejects = check(cells(*(row(room_type=name) for name in names)))
    assert rejects == []
    assert values["room_type"].tolist() == names


def test_a_stay_is_only_judged_where_both_dates_are_good() -> None:
    _, rejects = check(cells(row(checkin_date="x"), row(checkout_date="2026-03-01")))
    assert rejects == [
        RejectedCell(10, "checkin_date", "x", "must be a date like 2026-03-01, from 2000-01-01 to 2100-01-01"),
        RejectedCell(20, "checkout_date", "2026-03-01", "must be after the check-in on 2026-03-01"),
    ]


def test_an_empty_chunk_has_no_values() -> None:
    values, rejects = check(pd.DataFrame(columns=list(COLUMNS), dtype=object))
    assert len(values) == len(rejects) == 0


def test_shown_text_is_short_and_prints() -> None:
    assert printable_prefix("Zürich") == "Zürich"
    assert printable_prefix("a\0\n\x85\u202e\udc80") == "a\\x00\\n\\x85\\u202e\\udc80"
    assert printable_prefix("x" * 80) == "x" * 80
    assert printable_prefix("x" * 81) == "x" * 80 + "…"
