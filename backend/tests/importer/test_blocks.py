"""Blocks that are split at once have the cells that a csv.reader returns, and usual blocks are split at once."""

from io import StringIO
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.importer.blocks import split_block
from app.importer.header import Header
from app.importer.reader import Lines, read_rows
from app.importer.types import COLUMN_NAMES
from tests.support.deal_files import row, to_csv

HEADER: Final = Header(",", ("id", "name"))
CELLS: Final = st.sampled_from(
    ["1", " ", "", "é", '"a,b"', '"a', 'a"', '"a""b"', '""', '"a\nb"', "\0", "\udcff", "\ufeff", "a\rb"]
)
LINES: Final = st.lists(CELLS, max_size=3).map(",".join)
ENDINGS: Final = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\n\n"])


@given(lines=st.lists(st.tuples(LINES, ENDINGS), max_size=4))
def test_block_that_is_split_at_once_has_the_same_rows(lines: list[tuple[str, str]]) -> None:
    block = "".join(line + ending for line, ending in lines)
    frame = split_block(block, HEADER)
    if frame is not None:
        reader = Lines(StringIO(block, newline=""))
        reader.start_block(len(block) + 1)
        rows = [(number, list(cells)) for number, cells in enumerate(frame.itertuples(index=False), start=1)]
        assert list(read_rows(reader, HEADER)) == rows


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_usual_block_is_split_at_once(newline: str, delimiter: str) -> None:
    rows = [row(), row(hotel_city="Zürich", categories="", room_type=" "), row(hotel_name="")]
    block = "".join(to_csv(rows).splitlines(keepends=True)[1:])
    block = block.replace("luxury,romantic", "luxury+romantic").replace(",", delimiter).replace("\n", newline)
    frame = split_block(block, Header(delimiter, COLUMN_NAMES))
    assert frame is not None
    assert frame["hotel_city"].tolist() == ["Toronto", "Zürich", "Toronto"]
    assert frame.loc[1, "room_type"] == " "
    assert frame.loc[2, "hotel_name"] == ""


def test_block_with_quoted_cells_is_split_at_once() -> None:
    frame = split_block('"1","a,b"\n2,"c"\r\n3,""\n', HEADER)
    assert frame is not None
    assert frame["name"].tolist() == ["a,b", "c", ""]
