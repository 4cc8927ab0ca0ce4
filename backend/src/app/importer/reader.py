"""Read a CSV file of deals in chunks. Strict: the encoding, the delimiter and the columns are never guessed."""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

import pandas as pd

from app.importer.types import COLUMN_NAMES, LoadFileError, RejectedCell, printable_prefix

ROWS_PER_CHUNK: Final = 10_000
MAX_LINE_BYTES: Final = 1024 * 1024

Record = tuple[int, list[str]]
"""The line on which a row starts, and its cells."""


@dataclass(frozen=True, slots=True)
class Chunk:
    cells: pd.DataFrame
    """The rows that have one cell per column, as text, indexed by line."""
    ragged: list[RejectedCell]
    """The rows with too few or too many cells."""
    share: float
    """The part of the file read so far, from 0 to 1."""

    @property
    def rows(self) -> int:
        return len(self.cells) + len(self.ragged)


def read_chunks(path: Path) -> Iterator[Chunk]:
    """Yield all rows of the file in constant memory. Blank lines and rows of blank cells are skipped.

    Raises LoadFileError at the first sign that the file is not a UTF-8 CSV file of deals, or at the end if the file was
    changed since the start.
    """
    if not path.is_file():
        raise LoadFileError(f"{path} is not a file." if path.exists() else f"There is no file {path}.")
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            records = _read_records(file, name=path.name)
            header = _parse_header(next(records, None), name=path.name)
            while batch := list(islice(records, ROWS_PER_CHUNK)):
                yield _to_chunk(batch, header=header, share=file.tell() / before.st_size)
            after = os.fstat(file.fileno())
    except OSError as error:
        raise LoadFileError(f"{path} cannot be read: {error.strerror}.") from error
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise LoadFileError(f"{path.name} changed while it was being read.")


def _read_records(file: BinaryIO, *, name: str) -> Iterator[Record]:
    reader = csv.reader(_read_lines(file, name=name), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise LoadFileError(f"{name} is not well-formed CSV in the row at line {line}: {error}.") from error
        if cells is None:
            return
        if any(map(str.strip, cells)):
            yield line, cells


def _read_lines(file: BinaryIO, *, name: str) -> Iterator[str]:
    number = 0
    while raw := file.readline(MAX_LINE_BYTES):
        number += 1
        if len(raw) == MAX_LINE_BYTES:
            raise LoadFileError(f"Line {number} of {name} is longer than {MAX_LINE_BYTES} bytes.")
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise LoadFileError(f"{name} is not UTF-8: see line {number}, byte {error.start + 1}.") from error


def _parse_header(first: Record | None, *, name: str) -> list[str]:
    if first is None:
        raise LoadFileError(f"{name} is empty.")
    header = [cell.strip() for cell in first[1]]
    counts = Counter(header)
    problems = {
        "missing": [column for column in COLUMN_NAMES if column not in counts],
        "unexpected": [column for column in counts if column not in COLUMN_NAMES],
        "repeated": [column for column in COLUMN_NAMES if counts[column] > 1],
    }
    found = [
        f"{problem} {', '.join(map(printable_prefix, columns))}" for problem, columns in problems.items() if columns
    ]
    if found:
        raise LoadFileError(f"{name} does not have the columns of a file of deals: {'; '.join(found)}.")
    return header


def _to_chunk(batch: list[Record], *, header: list[str], share: float) -> Chunk:
    complete = [(line, cells) for line, cells in batch if len(cells) == len(header)]
    ragged = [
        RejectedCell(line, "", ",".join(cells), f"has {len(cells)} cells instead of {len(header)}")
        for line, cells in batch
        if len(cells) != len(header)
    ]
    lines = [line for line, _ in complete]
    frame = pd.DataFrame([cells for _, cells in complete], columns=header, index=lines, dtype=object)
    return Chunk(frame, ragged, share)
