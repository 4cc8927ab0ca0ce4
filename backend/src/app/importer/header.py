"""The first lines of a CSV file: the delimiter, and which column is where."""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.importer.types import COLUMN_NAMES, LoadFileError, printable_prefix

_DELIMITERS: Final = ",;\t|"
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_INVISIBLE: Final = frozenset({"Cc", "Cf"})
"""Unicode categories: control characters, and format characters such as the byte order mark."""


@dataclass(frozen=True, slots=True)
class Header:
    delimiter: str
    columns: Sequence[str]
    """Names of columns of a deal, in the order of the file."""


def parse_separator_line(line: str) -> str | None:
    """The delimiter in a line such as `sep=;`, with which spreadsheets begin a file."""
    match = _SEPARATOR_LINE.fullmatch(line.rstrip("\r\n"))
    return match[1] if match else None


def parse_header(line: str, *, delimiter: str | None, name: str) -> Header:
    """Parse the line with the names of the columns, in any case and order.

    Without `delimiter`, it is the one that yields most columns. Raises LoadFileError if the columns are wrong.
    """
    candidates = delimiter or _DELIMITERS
    headers = [Header(candidate, _split(line, delimiter=candidate)) for candidate in candidates]
    header = max(headers, key=lambda header: len(set(COLUMN_NAMES) & set(header.columns)))
    _check_columns(header.columns, name=name)
    return header


def _split(line: str, *, delimiter: str) -> list[str]:
    try:
        (cells,) = csv.reader([line], delimiter=delimiter)
    except csv.Error:
        return [line]
    names = [_normalize(cell) for cell in cells]
    while names and not names[-1]:
        del names[-1]
    return names


def _normalize(cell: str) -> str:
    visible = "".join(char for char in cell if unicodedata.category(char) not in _INVISIBLE)
    return "_".join(visible.lower().split())


def _check_columns(columns: Sequence[str], *, name: str) -> None:
    counts = Counter(columns)
    problems = {
        "missing": [column for column in COLUMN_NAMES if column not in counts],
        "unexpected": [_describe(column) for column in counts if column not in COLUMN_NAMES],
        "repeated": [column for column in COLUMN_NAMES if counts[column] > 1],
    }
    found = [f"{problem} {', '.join(names)}" for problem, names in problems.items() if names]
    if found:
        raise LoadFileError(f"{name} does not have the columns of a file of deals: {'; '.join(found)}.")


def _describe(column: str) -> str:
    """The name, with the characters that are easily taken for others."""
    unusual = dict.fromkeys(char for char in column if not char.isascii() and char.isprintable())
    names = ", ".join(f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip() for char in list(unusual)[:3])
    shown = printable_prefix(column) or "a column without a name"
    return f"{shown} (with {names})" if names else shown
