"""Read a file of deals in chunks of rows. After a malformed row, continue with the next line.

A block of lines is split at once, unless it is unusual: then, its rows are split one by one.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Final, TextIO

import pandas as pd

from app.importer.blocks import split_block
from app.importer.header import Header, parse_header, parse_separator_line
from app.importer.source import open_source
from app.importer.types import LoadFileError, RejectedCell

DEFAULT_BLOCK_LENGTH: Final = 4 * 1024 * 1024
"""In characters: about 27,000 deals."""
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


def read_chunks(path: Path, *, block_length: int = DEFAULT_BLOCK_LENGTH) -> Iterator[Chunk]:
    """Yield all rows of the file in constant memory; `-` is standard input. Blank lines and blank rows are skipped.

    Raises LoadFileError if the file is not a CSV file of deals, or at the end if it was changed since the start.
    """
    with open_source(path) as source:
        lines = Lines(source.text)
        header = _read_header(lines, name=source.name)
        while block := lines.start_block(block_length):
            cells = split_block(block, header)
            if cells is None:
                chunk = _to_chunk(list(read_rows(lines, header)), columns=list(header.columns), share=source.share)
            else:
                cells.index = lines.skip_block(rows=len(cells))
                chunk = Chunk(cells, [], source.share)
            _require_utf_8(lines, name=source.name)
            if chunk.rows:
                yield chunk


@dataclass(slots=True)
class Lines:
    """The lines of a file, for a csv.reader, which can be sent back to the second line of the current row."""

    text: TextIO
    number: int = 0
    """Of the last line, from 1."""
    first_not_utf_8: int | None = None
    """The first line with a letter in another encoding than UTF-8."""
    has_utf_8_letters: bool = False
    _block: StringIO = field(default_factory=StringIO)
    _block_length: int = 0
    _row: list[str] = field(default_factory=list)
    _repeated: deque[str] = field(default_factory=deque)

    def __iter__(self) -> "Lines":
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

    def start_block(self, length: int) -> str:
        """Read at least `length` characters, up to the end of a line unless that is long. Empty at the end."""
        block = self.text.read(length)
        block += self.text.readline(MAX_LINE_LENGTH)
        self._block, self._block_length = StringIO(block, newline=""), len(block)
        return block

    @property
    def is_block_read(self) -> bool:
        """Whether all lines of the block have been returned."""
        return not self._repeated and self._block.tell() == self._block_length

    def skip_block(self, *, rows: int) -> pd.RangeIndex:
        """The line numbers of the block's rows, of one line each."""
        numbers = pd.RangeIndex(self.number + 1, self.number + 1 + rows)
        self.number += rows
        self.has_utf_8_letters = self.has_utf_8_letters or not self._block.getvalue().isascii()
        return numbers

    def start_row(self) -> None:
        self._row.clear()

    def restart_after_first_line(self) -> str:
        """Repeat all lines of the current row but the first, which is returned."""
        first, *others = self._row
        self._repeated.extendleft(reversed(others))
        self.number -= len(others)
        return first

    def _read(self) -> str:
        line = rest = self._read_part()
        if not line:
            raise StopIteration
        while len(rest) > MAX_LINE_LENGTH and not rest.endswith(("\r", "\n")):
            rest = self._read_part()
        return line

    def _read_part(self) -> str:
        """A line up to its limit of length. The last line of a block may continue after the block."""
        part = self._block.readline(MAX_LINE_LENGTH + 1)
        if part.endswith(("\r", "\n")) or len(part) > MAX_LINE_LENGTH:
            return part
        return part + self.text.readline(MAX_LINE_LENGTH + 1 - len(part))

    def _inspect(self, line: str) -> None:
        if self.first_not_utf_8 is None and _OTHER_LETTER.search(line):
            self.first_not_utf_8 = self.number
        self.has_utf_8_letters = self.has_utf_8_letters or _VALID_LETTER.search(line) is not None


def _read_header(lines: Lines, *, name: str) -> Header:
    line = _read_line(lines, name=name)
    delimiter = parse_separator_line(line)
    if delimiter:
        line = _read_line(lines, name=name)
    _require_utf_8(lines, name=name)
    return parse_header(line, delimiter=delimiter, name=name)


def _read_line(lines: Lines, *, name: str) -> str:
    """The next line that is not blank."""
    try:
        for line in lines:
            lines.start_row()
            if line.strip():
                return line
    except csv.Error as error:
        raise LoadFileError(f"{name} does not have the columns of a file of deals: line 1 {error}.") from error
    raise LoadFileError(f"{name} is empty.")


def read_rows(lines: Lines, header: Header) -> Iterator[Row | RejectedCell]:
    """Split the rows that begin in the current block one by one.

    A csv.reader that has raised an error begins the next row with the next line.
    """
    reader, width = csv.reader(lines, delimiter=header.delimiter, strict=True), len(header.columns)
    while not lines.is_block_read:
        lines.start_row()
        number = lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield RejectedCell(number, "", lines.restart_after_first_line(), _get_reason(error))
            continue
        if cells and any(map(str.strip, cells)):
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


def _require_utf_8(lines: Lines, *, name: str) -> None:
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
