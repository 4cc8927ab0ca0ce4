"""Read a file of deals in chunks of rows. After a malformed row, continue with the next line."""

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

import pandas as pd

from app.importer.header import Header, parse_header, parse_separator_line
from app.importer.source import open_source
from app.importer.types import LoadFileError, RejectedCell

ROWS_PER_CHUNK: Final = 10_000
MAX_LINE_LENGTH: Final = 1024 * 1024
"""In characters; the rest of a longer line is discarded, and its row is rejected."""

MAX_LINES_PER_ROW: Final = 100
"""A quote that is not closed within as many lines is an error, so that few lines are read again."""

_OTHER_LETTER: Final = re.compile("[\udcc0-\udcfd]")
"""A byte that is not UTF-8, and is a letter in Windows-1252 and similar encodings."""
_VALID_LETTER: Final = re.compile("[^\x00-\x7f\udc80-\udcff]")
_LONG_LINE: Final = f"is longer than {MAX_LINE_LENGTH:,} characters"
_UNCLOSED_QUOTE: Final = f"has a quote that is not closed within {MAX_LINES_PER_ROW} lines"

Row = tuple[int, list[str]]
"""The line on which a row starts, and its cells."""


@dataclass(frozen=True, slots=True)
class Chunk:
    cells: pd.DataFrame
    """The rows that have one cell per column, as text, indexed by line."""
    malformed: list[RejectedCell]
    """The rows that cannot be split into one cell per column."""
    share: float
    """The part of the file read so far, from 0 to 1."""

    @property
    def rows(self) -> int:
        return len(self.cells) + len(self.malformed)


def read_chunks(path: Path) -> Iterator[Chunk]:
    """Yield all rows of the file in constant memory; `-` is standard input. Blank lines and blank rows are skipped.

    Raises LoadFileError if the file is not a CSV file of deals, or at the end if it was changed since the start.
    """
    with open_source(path) as source:
        lines = _Lines(source.text)
        header = _read_header(lines, name=source.name)
        rows = _read_rows(lines, header)
        while batch := list(islice(rows, ROWS_PER_CHUNK)):
            _require_utf_8(lines, name=source.name)
            yield _to_chunk(batch, columns=list(header.columns), share=source.share)


@dataclass(slots=True)
class _Lines:
    """The lines of a file, for a csv.reader, which can be sent back to the second line of the current row."""

    text: TextIO
    number: int = 0
    """Of the last line, from 1."""
    first_not_utf_8: int | None = None
    """The first line with a letter in another encoding than UTF-8."""
    has_utf_8_letters: bool = False
    _row: list[str] = field(default_factory=list)
    _repeated: deque[str] = field(default_factory=deque)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._repeated.popleft() if self._repeated else self._read()
        self.number += 1
        self._row.append(line)
        if len(line) > MAX_LINE_LENGTH:
            raise csv.Error(_LONG_LINE)
        if len(self._row) > MAX_LINES_PER_ROW:
            raise csv.Error(_UNCLOSED_QUOTE)
        if not line.isascii():
            self._inspect(line)
        return line

    def start_row(self) -> None:
        self._row.clear()

    def restart_after_first_line(self) -> str:
        """Repeat all lines of the current row but the first, which is returned."""
        first, *others = self._row
        self._repeated.extendleft(reversed(others))
        self.number -= len(others)
        return first

    def _read(self) -> str:
        line = self.text.readline(MAX_LINE_LENGTH + 1)
        if not line:
            raise StopIteration
        rest = line
        while len(rest) > MAX_LINE_LENGTH and not rest.endswith(("\r", "\n")):
            rest = self.text.readline(MAX_LINE_LENGTH + 1)
        return line

    def _inspect(self, line: str) -> None:
        if self.first_not_utf_8 is None and _OTHER_LETTER.search(line):
            self.first_not_utf_8 = self.number
        self.has_utf_8_letters = self.has_utf_8_letters or _VALID_LETTER.search(line) is not None


def _read_header(lines: _Lines, *, name: str) -> Header:
    line = next((line for line in lines if line.strip()), None)
    delimiter = parse_separator_line(line) if line else None
    if delimiter:
        line = next((line for line in lines if line.strip()), None)
    if line is None:
        raise LoadFileError(f"{name} is empty.")
    _require_utf_8(lines, name=name)
    return parse_header(line, delimiter=delimiter, name=name)


def _read_rows(lines: _Lines, header: Header) -> Iterator[Row | RejectedCell]:
    """A csv.reader that has raised an error begins the next row with the next line."""
    reader, width = csv.reader(lines, delimiter=header.delimiter, strict=True), len(header.columns)
    while True:
        lines.start_row()
        number = lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield RejectedCell(number, "", lines.restart_after_first_line(), _get_reason(error))
            continue
        if cells is None:
            return
        if any(map(str.strip, cells)):
            yield _check_width(number, cells, width=width, delimiter=header.delimiter)


def _get_reason(error: csv.Error) -> str:
    reason = str(error)
    if reason in {_LONG_LINE, _UNCLOSED_QUOTE}:
        return reason
    if reason.startswith("field larger"):
        return f"has a cell of more than {csv.field_size_limit():,} characters"
    return "has a quote that is not closed, or that does not enclose its whole cell"


def _check_width(line: int, cells: list[str], *, width: int, delimiter: str) -> Row | RejectedCell:
    """Ignore blank cells after the last column, which spreadsheets add."""
    if len(cells) > width and not any(map(str.strip, cells[width:])):
        return line, cells[:width]
    if len(cells) != width:
        return RejectedCell(line, "", delimiter.join(cells), f"has {len(cells)} cells instead of {width}")
    return line, cells


def _require_utf_8(lines: _Lines, *, name: str) -> None:
    """Raise LoadFileError if the lines so far have letters in another encoding, and none in UTF-8.

    Otherwise, single damaged cells are rejected with their rows.
    """
    if lines.first_not_utf_8 is not None and not lines.has_utf_8_letters:
        raise LoadFileError(
            f"{name} is not UTF-8: see line {lines.first_not_utf_8}. If it is in Windows-1252, "
            "convert it with `iconv -f WINDOWS-1252 -t UTF-8`."
        )


def _to_chunk(batch: list[Row | RejectedCell], *, columns: list[str], share: float) -> Chunk:
    malformed = [row for row in batch if isinstance(row, RejectedCell)]
    complete = [row for row in batch if not isinstance(row, RejectedCell)]
    lines = [line for line, _ in complete]
    frame = pd.DataFrame([cells for _, cells in complete], columns=columns, index=lines, dtype=object)
    return Chunk(frame, malformed, share)
