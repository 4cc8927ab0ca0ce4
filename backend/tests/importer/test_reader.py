"""Reading files into cells with line numbers, and rejecting unusable files."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from app.importer.reader import MAX_LINES_PER_ROW, Chunk, read_chunks
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
    assert [(cell.line, cell.reason) for cell in chunk.malformed] == [
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
    write_rows(file, *[row()] * 1_000)
    chunks = list(read_chunks(file, block_length=40_000))
    assert len(chunks) == 4
    assert [line for chunk in chunks for line in chunk.cells.index] == list(range(2, 1_002))
    assert 0.1 < chunks[0].share < 0.9
    assert chunks[-1].share == 1


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_empty_file_is_reported(file: Path, content: str) -> None:
    file.write_text(content, encoding="utf-8")
    assert get_error(file) == "deals.csv is empty."


def test_blank_cells_after_last_column_are_ignored(file: Path) -> None:
    header, line = to_csv([row()]).splitlines()
    file.write_text(f"{header}, ,\n{line},\n{line}\n{line},, \n{line},more\n")
    chunk = read_one_chunk(file)
    assert chunk.cells.index.tolist() == [2, 3, 4]
    assert dict(chunk.cells.loc[4]) == dict(row())
    assert [cell.line for cell in chunk.malformed] == [5]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_detected(file: Path, delimiter: str) -> None:
    write_delimited(file, delimiter)
    assert dict(read_one_chunk(file).cells.loc[2]) == dict(row())


@pytest.mark.parametrize("separator_line", ["sep=;", "SEP=;", '"sep=;"', "sep=~", "sep=\t"])
def test_separator_line_gives_delimiter(file: Path, separator_line: str) -> None:
    write_delimited(file, separator_line.strip('"')[-1])
    file.write_text(f"{separator_line}\r\n{file.read_text()}")
    assert dict(read_one_chunk(file).cells.loc[3]) == dict(row())


def write_delimited(file: Path, delimiter: str) -> None:
    with file.open("w", newline="") as out:
        csv.writer(out, delimiter=delimiter).writerows([COLUMN_NAMES, row().values()])


@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"])
def test_any_line_ending_is_accepted(file: Path, newline: str) -> None:
    file.write_text(to_csv([row(), row(id="8"), row(id="9")]), newline=newline)
    cells = read_one_chunk(file).cells
    assert cells["id"].tolist() == ["7", "8", "9"]
    assert cells.index.tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        str.title,
        lambda name: f"  {name}\xa0",
        lambda name: f"\u200b{name}\ufeff",
        lambda name: name.replace("_", " "),
    ],
    ids=["upper case", "title case", "spaces", "invisible characters", "words"],
)
def test_names_of_columns_are_normalised(file: Path, change: Callable[[str], str]) -> None:
    header, line = to_csv([row()]).splitlines()
    file.write_text(",".join(map(change, header.split(","))) + f"\n{line}\n", encoding="utf-8")
    assert dict(read_one_chunk(file).cells.loc[2]) == dict(row())


def test_many_blank_lines_before_header_are_skipped(file: Path) -> None:
    file.write_text("\n" * 300 + to_csv([row()]))
    assert read_one_chunk(file).cells.index.tolist() == [302]


def test_long_first_line_is_reported(file: Path) -> None:
    file.write_text("x" * 2_000_000)
    assert get_error(file) == (
        "deals.csv does not have the columns of a file of deals: line 1 is longer than 1,048,576 characters."
    )


def test_wrong_columns_are_listed(file: Path) -> None:
    columns = [*COLUMN_NAMES[:5], "phone", *COLUMN_NAMES[6:14], "ID", "", "stars"]
    file.write_text(",".join(columns))
    assert get_error(file) == (
        "deals.csv does not have the columns of a file of deals: "
        "missing hotel_phone, created_at; unexpected phone, a column without a name, stars; repeated id."
    )


def test_character_that_resembles_another_is_named(file: Path) -> None:
    file.write_text(to_csv([row()]).replace("categories", "c\u0430tegories"), encoding="utf-8")
    assert "unexpected c\u0430tegories (with U+0430 CYRILLIC SMALL LETTER A)" in get_error(file)


def test_file_in_windows_1252_is_reported(file: Path) -> None:
    file.write_bytes(to_csv([row(), row(hotel_city="Zürich")]).encode("windows-1252"))
    assert get_error(file) == (
        "deals.csv is not UTF-8: see line 3. "
        "If it is in Windows-1252, convert it with `iconv -f WINDOWS-1252 -t UTF-8`."
    )


def test_header_in_windows_1252_is_reported(file: Path) -> None:
    file.write_bytes(to_csv([row()]).replace("hotel_city", "hôtel_city").encode("windows-1252"))
    assert get_error(file).startswith("deals.csv is not UTF-8: see line 1.")


@pytest.mark.parametrize(("city", "damaged"), [("Zürich", b"Z\xfcrich"), ("Rome", b"Rom\xff"), ("Rome", b"\x80Rome")])
def test_damaged_cell_is_kept_with_its_bytes(file: Path, city: str, damaged: bytes) -> None:
    content = to_csv([row(hotel_city=city), row(hotel_city="Oslo")]).encode()
    file.write_bytes(content.replace(b"Oslo", damaged))
    cell = read_one_chunk(file).cells.loc[3, "hotel_city"]
    assert cell == damaged.decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('7,"Crown', "has a quote that is not closed, or that does not enclose its whole cell"),
        ('7,"Crown" Tower,', "has a quote that is not closed, or that does not enclose its whole cell"),
        ('7,"' + "x" * 140_000 + '"', "has a cell of more than 131,072 characters"),
        ("7," + "x" * 140_000, "has a cell of more than 131,072 characters"),
        ("," * 2_500_000, "is longer than 1,048,576 characters"),
    ],
    ids=["unclosed", "closed early", "long quoted cell", "long cell", "long line"],
)
def test_malformed_row_is_rejected_and_reading_continues_with_next_line(file: Path, broken: str, reason: str) -> None:
    header, line = to_csv([row()]).splitlines()
    file.write_text(f"{header}\n{line}\n{broken}\n{line}\n{line}")
    chunk = read_one_chunk(file)
    assert [(cell.line, cell.column, cell.reason) for cell in chunk.malformed] == [(3, "", reason)]
    assert chunk.cells.index.tolist() == [2, 4, 5]


def test_quote_is_closed_within_few_lines(file: Path) -> None:
    header, line = to_csv([row(categories="")]).splitlines()
    file.write_text("\n".join([header, '"a', *[line] * MAX_LINES_PER_ROW]))
    chunk = read_one_chunk(file)
    assert [(cell.line, cell.reason) for cell in chunk.malformed] == [
        (2, "has a quote that is not closed within 100 lines")
    ]
    assert len(chunk.cells) == MAX_LINES_PER_ROW


def test_unclosed_quotes_on_every_line_are_rejected_one_by_one(file: Path) -> None:
    header, line = to_csv([row()]).splitlines()
    file.write_text("\n".join([header, '"a', *['b","b'] * 1_000, line]))
    chunk = read_one_chunk(file)
    assert [cell.line for cell in chunk.malformed] == list(range(2, 1_003))
    assert chunk.cells.index.tolist() == [1_003]
