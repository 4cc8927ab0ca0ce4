"""Reading files into cells with line numbers, and rejecting unusable files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.importer.reader import MAX_LINE_BYTES, ROWS_PER_CHUNK, Chunk, read_chunks
from app.importer.types import COLUMN_NAMES, LoadFileError
from tests.support.deal_files import row, to_csv, write_rows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deals.csv"


def read_one_chunk(file: Path) -> Chunk:
    (chunk,) = read_chunks(file)
    return chunk


def get_error(file: Path) -> str:
    with pytest.raises(LoadFileError) as caught:
        list(read_chunks(file))
    return str(caught.value)


def test_cells_are_not_changed(file: Path) -> None:
    write_rows(file, row(hotel_name=' Crown "Tower", é ', discount_percent="030", categories=""))
    cells = read_one_chunk(file).cells.loc[2]
    assert cells["hotel_name"] == ' Crown "Tower", é '
    assert cells["discount_percent"] == "030"
    assert cells["categories"] == ""


def test_row_is_numbered_by_its_first_line(file: Path) -> None:
    write_rows(file, row(), row(hotel_name="two\nlines"), row(hotel_name="three\r\n\nlines"), row())
    assert read_one_chunk(file).cells.index.tolist() == [2, 3, 5, 8]


def test_blank_lines_are_skipped_but_numbered(file: Path) -> None:
    header, first, second = to_csv([row(), row()]).splitlines()
    file.write_text(f"\n{header}\n\n{first}\n\r\n{second}\n\n", newline="")
    assert read_one_chunk(file).cells.index.tolist() == [4, 6]


def test_rows_of_blank_cells_are_skipped_but_numbered(file: Path) -> None:
    """Spreadsheets write them at the end of a file."""
    header, line = to_csv([row()]).splitlines()
    file.write_text(f"{header}\n{',' * 14}\n{line}\n ,{',' * 13}\n,\n")
    assert read_one_chunk(file).cells.index.tolist() == [3]


def test_row_with_wrong_number_of_cells_is_rejected(file: Path) -> None:
    header, line = to_csv([row()]).splitlines()
    file.write_text(f"{header}\n1,2\n{line}\n{line},more\n")
    chunk = read_one_chunk(file)
    assert chunk.cells.index.tolist() == [3]
    assert chunk.rows == 3
    assert [(cell.line, cell.reason) for cell in chunk.ragged] == [
        (2, "has 2 cells instead of 15"),
        (4, "has 16 cells instead of 15"),
    ]


def test_columns_in_any_order_are_accepted(file: Path) -> None:
    file.write_text(to_csv([row()], columns=reversed(COLUMN_NAMES)))
    cells = read_one_chunk(file).cells
    assert dict(cells.loc[2]) == dict(row())


def test_crlf_and_byte_order_mark_are_accepted(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + to_csv([row()]).replace("\n", "\r\n").encode())
    assert dict(read_one_chunk(file).cells.loc[2]) == dict(row())


def test_byte_order_mark_after_first_line_is_text(file: Path) -> None:
    write_rows(file, row(id="\ufeff7"))
    assert read_one_chunk(file).cells.loc[2, "id"] == "\ufeff7"


def test_last_line_without_newline_is_read(file: Path) -> None:
    file.write_text(to_csv([row()]).removesuffix("\n"))
    assert dict(read_one_chunk(file).cells.loc[2]) == dict(row())


def test_file_with_only_a_header_has_no_chunks(file: Path) -> None:
    assert list(read_chunks(write_rows(file))) == []


def test_long_file_is_read_in_bounded_chunks(file: Path) -> None:
    write_rows(file, *[row()] * (2 * ROWS_PER_CHUNK + 1))
    chunks = list(read_chunks(file))
    assert [chunk.rows for chunk in chunks] == [ROWS_PER_CHUNK, ROWS_PER_CHUNK, 1]
    assert chunks[2].cells.index.tolist() == [2 * ROWS_PER_CHUNK + 2]
    assert 0.4 < chunks[0].share < 0.6
    assert chunks[2].share == 1


def _truncate(file: Path) -> None:
    os.truncate(file, 0)


def _append_row(file: Path) -> None:
    with file.open("a") as out:
        out.write(to_csv([row()]).splitlines()[1])


def _rewrite(file: Path) -> None:
    file.write_bytes(file.read_bytes())


@pytest.mark.parametrize("change", [_truncate, _append_row, _rewrite])
def test_file_that_changes_while_it_is_read_is_reported(file: Path, change: Callable[[Path], None]) -> None:
    write_rows(file, *[row()] * (2 * ROWS_PER_CHUNK))
    os.utime(file, ns=(0, 0))
    chunks = read_chunks(file)
    next(chunks)
    change(file)
    with pytest.raises(LoadFileError, match=r"^deals\.csv changed while it was being read\.$"):
        list(chunks)


def test_missing_file_is_reported(file: Path) -> None:
    assert get_error(file) == f"There is no file {file}."


def test_directory_is_reported(tmp_path: Path) -> None:
    assert get_error(tmp_path) == f"{tmp_path} is not a file."


def test_named_pipe_is_rejected_without_blocking(file: Path) -> None:
    os.mkfifo(file)
    assert get_error(file) == f"{file} is not a file."


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_empty_file_is_reported(file: Path, content: str) -> None:
    file.write_text(content, encoding="utf-8")
    assert get_error(file) == "deals.csv is empty."


def test_wrong_columns_are_listed(file: Path) -> None:
    columns = [*COLUMN_NAMES[:5], "phone", *COLUMN_NAMES[6:14], "id", "stars\x07"]
    file.write_text(",".join(columns))
    assert get_error(file) == (
        "deals.csv does not have the columns of a file of deals: "
        "missing hotel_phone, created_at; unexpected phone, stars\\x07; repeated id."
    )


def test_other_delimiter_is_not_guessed(file: Path) -> None:
    file.write_text(to_csv([row()]).replace(",", ";"))
    assert "missing id, hotel_name" in get_error(file)


@pytest.mark.parametrize(
    "content",
    [
        to_csv([row(), row(hotel_city="Zürich")]).encode("latin-1"),
        to_csv([row()]).encode() + b"\xed\xa0\x80",
    ],
    ids=["latin-1", "surrogate"],
)
def test_other_encoding_on_any_line_is_reported(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert get_error(file).startswith("deals.csv is not UTF-8: see line 3, byte ")


def test_utf_16_is_reported(file: Path) -> None:
    file.write_text(to_csv([row()]), encoding="utf-16")
    assert get_error(file) == "deals.csv is not UTF-8: see line 1, byte 1."


@pytest.mark.parametrize(
    "broken",
    ['7,"Crown', '7,"Crown" Tower,', '7,"' + "x" * 200_000 + '"', "7,Crown\rTower"],
    ids=["unclosed", "closed early", "huge cell", "carriage return"],
)
def test_malformed_csv_is_reported_with_first_line_of_row(file: Path, broken: str) -> None:
    file.write_text(to_csv([row()]) + broken + "\n" + to_csv([row()]), newline="")
    assert get_error(file).startswith("deals.csv is not well-formed CSV in the row at line 3: ")


def test_oversized_line_is_reported(file: Path) -> None:
    file.write_text(to_csv([row()]) + "," * (MAX_LINE_BYTES + 1))
    assert get_error(file) == f"Line 3 of deals.csv is longer than {MAX_LINE_BYTES} bytes."
