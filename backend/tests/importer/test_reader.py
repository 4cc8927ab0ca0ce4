"""From a file to cells and lines, and the files that are refused."""

import os
from pathlib import Path

import pytest

from app.importer.reader import MAX_LINE_BYTES, ROWS_PER_CHUNK, Chunk, read_chunks
from app.importer.types import COLUMNS, LoadFileError
from tests.support.deal_files import row, text_of, write_rows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deals.csv"


def only_chunk(file: Path) -> Chunk:
    (chunk,) = read_chunks(file)
    return chunk


def refusal(file: Path) -> str:
    with pytest.raises(LoadFileError) as caught:
        list(read_chunks(file))
    return str(caught.value)


def test_cells_come_as_they_are_written(file: Path) -> None:
    write_rows(file, row(hotel_name=' Crown "Tower", é ', discount_percent="030", categories=""))
    cells = only_chunk(file).cells.loc[2]
    assert cells["hotel_name"] == ' Crown "Tower", é '
    assert cells["discount_percent"] == "030"
    assert cells["categories"] == ""


def test_a_row_has_the_line_it_starts_on(file: Path) -> None:
    write_rows(file, row(), row(hotel_name="two\nlines"), row(hotel_name="three\r\n\nlines"), row())
    assert only_chunk(file).cells.index.tolist() == [2, 3, 5, 8]


def test_blank_lines_are_no_rows_but_count_as_lines(file: Path) -> None:
    header, first, second = text_of([row(), row()]).splitlines()
    file.write_text(f"\n{header}\n\n{first}\n\r\n{second}\n\n", newline="")
    assert only_chunk(file).cells.index.tolist() == [4, 6]


def test_a_row_of_another_width_is_a_reject(file: Path) -> None:
    header, good = text_of([row()]).splitlines()
    file.write_text(f"{header}\n1,2\n{good}\n{good},more\n")
    chunk = only_chunk(file)
    assert chunk.cells.index.tolist() == [3]
    assert chunk.rows == 3
    assert [(bad.line, bad.reason) for bad in chunk.ragged] == [
        (2, "has 2 cells instead of 15"),
        (4, "has 16 cells instead of 15"),
    ]


def test_the_columns_may_stand_in_any_order(file: Path) -> None:
    file.write_text(text_of([row()], columns=reversed(COLUMNS)))
    cells = only_chunk(file).cells
    assert dict(cells.loc[2]) == dict(row())


def test_windows_newlines_and_a_byte_order_mark_are_fine(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + text_of([row()]).replace("\n", "\r\n").encode())
    assert dict(only_chunk(file).cells.loc[2]) == dict(row())


def test_a_byte_order_mark_further_down_is_text(file: Path) -> None:
    write_rows(file, row(id="\ufeff7"))
    assert only_chunk(file).cells.loc[2, "id"] == "\ufeff7"


def test_a_last_line_without_a_newline_is_a_row(file: Path) -> None:
    file.write_text(text_of([row()]).removesuffix("\n"))
    assert dict(only_chunk(file).cells.loc[2]) == dict(row())


def test_a_header_alone_has_no_rows(file: Path) -> None:
    assert list(read_chunks(write_rows(file))) == []


def test_a_long_file_comes_in_bounded_chunks(file: Path) -> None:
    write_rows(file, *[row()] * (2 * ROWS_PER_CHUNK + 1))
    chunks = list(read_chunks(file))
    assert [chunk.rows for chunk in chunks] == [ROWS_PER_CHUNK, ROWS_PER_CHUNK, 1]
    assert chunks[2].cells.index.tolist() == [2 * ROWS_PER_CHUNK + 2]
    assert 0.4 < chunks[0].share < 0.6
    assert chunks[2].share == 1


def test_a_file_that_is_not_there(file: Path) -> None:
    assert refusal(file) == f"There is no file {file}."


def test_a_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path} is not a file."


def test_a_pipe_is_refused_without_waiting_for_a_writer(file: Path) -> None:
    os.mkfifo(file)
    assert refusal(file) == f"{file} is not a file."


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file(file: Path, content: str) -> None:
    file.write_text(content, encoding="utf-8")
    assert refusal(file) == "deals.csv is empty."


def test_wrong_columns_are_named(file: Path) -> None:
    columns = [*COLUMNS[:5], "phone", *COLUMNS[6:14], "id", "stars\x07"]
    file.write_text(",".join(columns))
    assert refusal(file) == (
        "deals.csv does not have the columns of a file of deals: "
        "missing hotel_phone, created_at; unexpected phone, stars\\x07; repeated id."
    )


def test_another_separator_is_not_guessed(file: Path) -> None:
    file.write_text(text_of([row()]).replace(",", ";"))
    assert "missing id, hotel_name" in refusal(file)


@pytest.mark.parametrize(
    "content",
    [
        text_of([row(), row(hotel_city="Zürich")]).encode("latin-1"),
        text_of([row()]).encode() + b"\xed\xa0\x80",
    ],
    ids=["latin-1", "surrogate"],
)
def test_another_encoding_anywhere(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert refusal(file).startswith("deals.csv is not in UTF-8: see line 3, byte ")


def test_utf_16(file: Path) -> None:
    file.write_text(text_of([row()]), encoding="utf-16")
    assert refusal(file) == "deals.csv is not in UTF-8: see line 1, byte 1."


@pytest.mark.parametrize(
    "broken",
    ['7,"Crown', '7,"Crown" Tower,', '7,"' + "x" * 200_000 + '"', "7,Crown\rTower"],
    ids=["unclosed", "closed early", "huge cell", "carriage return"],
)
def test_broken_csv_is_named_by_the_line_where_its_row_starts(file: Path, broken: str) -> None:
    file.write_text(text_of([row()]) + broken + "\n" + text_of([row()]), newline="")
    assert refusal(file).startswith("deals.csv is not well-formed CSV from line 3 on: ")


def test_a_line_without_end(file: Path) -> None:
    file.write_text(text_of([row()]) + "," * (MAX_LINE_BYTES + 1))
    assert refusal(file) == f"Line 3 of deals.csv is longer than {MAX_LINE_BYTES} bytes."
