"""From a file to chunks of its cells. Strict: what is not a CSV of deals in UTF-8 is refused."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

import pandas as pd

from app.importer.types import COLUMNS, LoadFileError, RejectedCell, printable_prefix

ROWS_PER_CHUNK: Final = 10_000
MAX_LINE_BYTES: Final = 1024 * 1024

Record = tuple[int, list[str]]
"""The line on which a row starts, and its cells."""


@dataclass(frozen=True, slots=True)
class Chunk:
    cells: pd.DataFrame
    """The rows that have a cell for every column, as text; the index holds their lines."""
    ragged: list[RejectedCell]
    """The rows that have not."""
    share: float
    """The part of the file read so far, from 0 to 1."""

    @property
    def rows(self) -> int:
        return len(self.cells) + len(self.ragged)


def read_chunks(path: Path) -> Iterator[Chunk]:
    """All rows of the file in literal_int memory; blank lines are no rows.

    Raises LoadFileError as soon as the file turns out not to be a CSV of deals in UTF-8.
    """
    if not path.is_file():
        raise LoadFileError(f"{path} is not a file." if path.exists() else f"There is no file {path}.")
    try:
        with path.open("rb") as file:
            records = _records(file, name=path.name)
            header = _header(next(records, None), name=path.name)
            while batch := list(islice(records, ROWS_PER_CHUNK)):
                yield _chunk(batch, header=header, share=file.tell() / path.stat().st_size)
    except OSError as error:
        raise LoadFileError(f"{path} cannot be read: {error.strerror}.") from error


def _records(file: BinaryIO, *, name: str) -> Iterator[Record]:
    reader = csv.reader(_lines(file, name=name), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise LoadFileError(f"{name} is not well-formed CSV from line {line} on: {error}.") from error
        if cells is None:
            return
        if cells:
            yield line, cells


def _lines(file: BinaryIO, *, name: str) -> Iterator[str]:
    number = 0
    while raw := file.readline(MAX_LINE_BYTES):
        number += 1
        if len(raw) == MAX_LINE_BYTES:
            raise LoadFileError(f"Line {number} of {name} is longer than {MAX_LINE_BYTES} bytes.")
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise LoadFileError(f"{name} is not in UTF-8: see line {number}, byte {error.start + 1}.") from error


def _header(first: Record | None, *, name: str) -> list[str]:
    if first is None:
        raise LoadFileError(f"{name} is empty.")
    header = [cell.strip() for cell in first[1]]
    counts = Counter(header)
    problems = {
        "missing": [column for column in COLUMNS if column not in counts],
        "unexpected": [column for column in counts if column not in COLUMNS],
        "repeated": [column for column in COLUMNS if counts[column] > 1],
    }
    found = [f"{what} {', '.join(map(printable_prefix, columns))}" for what, columns in problems.items() if columns]
    if found:
        raise LoadFileError(f"{name} does not have the columns of a file of deals: {'; '.join(found)}.")
    return header


def _chunk(batch: list[Record], *, header: list[str], share: float) -> Chunk:
    whole = [(line, cells) for line, cells in batch if len(cells) == len(header)]
    ragged = [
        RejectedCell(line, "", ",".join(cells), f"has {len(cells)} cells instead of {len(header)}")
        for line, cells in batch
        if len(cells) != len(header)
    ]
    frame = pd.DataFrame([cells for _, cells in whole], columns=header, index=[line for line, _ in whole], dtype=object)
    return Chunk(frame, ragged, share)
