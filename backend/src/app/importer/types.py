"""Types shared by the import and its callers. Imports nothing heavy, so that command lines start quickly."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple


class LoadError(Exception):
    """The import failed. Except for LoadOutcomeUnknownError, nothing was written.

    The message is one sentence for the user.
    """


class LoadFileError(LoadError):
    """The file does not exist, cannot be read, or is not a CSV file with the columns of a deal."""


class LoadDatabaseError(LoadError):
    """The database is unavailable or lacks the tables, or another session wrote the same rows concurrently."""


class LoadOutcomeUnknownError(LoadError):
    """The connection was lost during the commit, so all rows or none were written. The import can be repeated."""


class LoadInterruptedError(LoadError):
    """The user pressed Ctrl-C before the commit."""


class OnConflict(StrEnum):
    """How to treat a row with an id that is already in the catalogue."""

    UPDATE = "update"
    """Update the deal; an identical deal is not touched."""
    SKIP = "skip"
    """Leave the deal unchanged; the row adds no hotel and no category."""
    ERROR = "error"
    """Reject the row."""


class NewPhone(StrEnum):
    """How to treat rows that give a hotel of the catalogue another phone."""

    UPDATE = "update"
    """Update the hotel, provided that all valid rows of the hotel agree, and that no other hotel has the phone."""
    REJECT = "reject"
    """Reject the rows."""


class Stage(StrEnum):
    READING = "Reading"
    CHECKING = "Checking"
    WRITING = "Writing"


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a running import."""

    stage: Stage
    rows: int
    share: float
    """The part of the file read so far, from 0 to 1."""


ProgressCallback = Callable[[Progress], None]


class Column(NamedTuple):
    """A column of the file and of the staging table."""

    name: str
    sql_type: str
    deal_column: str | None = None
    """The column of `deals` that stores the value unchanged; None for a hotel's columns and for categories."""


COLUMNS: Final = (
    Column("id", "bigint", "external_id"),
    Column("hotel_name", "text"),
    Column("hotel_city", "text"),
    Column("hotel_country", "text"),
    Column("hotel_star_rating", "smallint", "star_rating"),
    Column("hotel_phone", "text"),
    Column("room_type", "text", "room_type"),
    Column("price_per_night", "numeric(10, 2)", "price_per_night"),
    Column("original_price", "numeric(10, 2)", "original_price"),
    Column("discount_percent", "smallint", "discount_percent"),
    Column("checkin_date", "date", "checkin_date"),
    Column("checkout_date", "date", "checkout_date"),
    Column("is_available", "boolean", "is_available"),
    Column("categories", "text"),
    Column("created_at", "timestamp with time zone", "created_at"),
)
COLUMN_NAMES: Final = tuple(column.name for column in COLUMNS)
"""In the order in which the generator writes them. The reader accepts any order."""


STANDARD_INPUT: Final = Path("-")


class RejectedCell(NamedTuple):
    """One problem of one row."""

    line: int
    """The line on which the row starts, from 1 for the header."""
    column: str
    """Empty if the row as a whole is wrong."""
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeResult:
    """The changes made to the catalogue."""

    hotels_added: int = 0
    phones_updated: int = 0
    categories_added: int = 0
    deals_inserted: int = 0
    deals_updated: int = 0
    deals_unchanged: int = 0
    """Rows with an identical deal, or with one that was skipped."""
    links_written: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """The outcome of an import."""

    file: Path
    rows: int
    rejected_rows: int
    """Each row counts once, however many problems it has."""
    first_rejects: Sequence[RejectedCell]
    """At most ten, in the order of the file."""
    rejects_file: Path | None
    """The list of all rejects; None if there are none."""
    rejects_file_error: str | None = None
    """Why the list could not be written. In this case no rows are written either, even in a partial import."""
    merged: MergeResult | None
    """None if nothing was written because rows were rejected."""
    seconds: float


MAX_PRINTED_LENGTH: Final = 80
DAMAGED_BYTE: Final = re.compile("[\udc80-\udcff]")
"""A byte that is not UTF-8, which decoding with PEP 383 represents as a lone surrogate."""


def printable(text: str) -> str:
    """Replace each character that is not printable, and each byte that is not UTF-8, by an escape sequence."""
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    if DAMAGED_BYTE.match(char):
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def printable_prefix(text: str) -> str:
    """The first characters of `text`, made printable."""
    start = printable(text[:MAX_PRINTED_LENGTH])
    return start if len(text) <= MAX_PRINTED_LENGTH else f"{start}…"


def display_name(path: Path) -> str:
    """The name of a file of deals for messages, made printable."""
    return "standard input" if path == STANDARD_INPUT else printable(path.name)
