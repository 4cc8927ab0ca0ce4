"""Split a block of lines into cells at once, provided that there is only one way to do so."""

import csv
from codecs import BOM_UTF8
from io import BytesIO
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from app.importer.header import Header

_QUOTE: Final = ord('"')
_NEWLINE: Final = ord("\n")
_CARRIAGE_RETURN: Final = ord("\r")


def split_block(block: str, header: Header) -> pd.DataFrame | None:
    """The cells of a block of complete lines, one row per line and as text, or None for a block that is unusual.

    A frame has exactly the cells that `csv.reader` returns. Unusual are blank lines, rows without an id, another number
    of cells than columns, line breaks in cells, quotes within cells, long lines, and characters that are not valid.
    """
    try:
        content = block.encode()
    except UnicodeEncodeError:  # a byte that is not UTF-8
        return None
    if not (header.delimiter.isascii() and _has_one_row_per_line(content, delimiter=ord(header.delimiter))):
        return None
    columns = list(header.columns)
    try:
        table = arrow_csv.read_csv(
            BytesIO(content),
            arrow_csv.ReadOptions(column_names=columns, use_threads=False, block_size=len(content) + 1),
            arrow_csv.ParseOptions(delimiter=header.delimiter, ignore_empty_lines=False),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return None if (frame["id"].str.strip() == "").any() else frame


def _has_one_row_per_line(content: bytes, *, delimiter: int) -> bool:
    """Whether no line is blank or long, and each quote is at the edge of a cell of a single line."""
    if not content.endswith(b"\n") or content.startswith(BOM_UTF8) or b"\0" in content:
        return False
    if content.count(b"\r") != content.count(b"\r\n"):
        return False
    characters = np.frombuffer(content, np.uint8)
    line_ends = np.flatnonzero(characters == _NEWLINE)
    lengths = np.diff(line_ends, prepend=-1)
    is_blank = (lengths == 1) | ((lengths == 2) & (characters[line_ends - 1] == _CARRIAGE_RETURN))  # noqa: PLR2004  \r\n
    if is_blank.any() or lengths.max() > csv.field_size_limit():
        return False
    return _encloses_cells(characters, line_ends, delimiter=delimiter)


def _encloses_cells(characters: npt.NDArray[np.uint8], line_ends: npt.NDArray[np.intp], *, delimiter: int) -> bool:
    quotes = np.flatnonzero(characters == _QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    if len(opening) != len(closing):
        return False
    before = np.where(opening > 0, characters[opening - 1], _NEWLINE)
    after = characters[closing + 1]
    return bool(
        np.isin(before, (delimiter, _NEWLINE)).all()
        and np.isin(after, (delimiter, _NEWLINE, _CARRIAGE_RETURN)).all()
        and np.array_equal(np.searchsorted(line_ends, opening), np.searchsorted(line_ends, closing))
    )
