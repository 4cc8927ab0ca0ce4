"""What a caller of the import gives and gets. Imports nothing heavy, so that a command line starts quickly."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple


class LoadError(Exception):
    """The import could not be done; nothing was written. The message is one sentence for a person."""


class LoadFileError(LoadError):
    """The file is not there, cannot be read, or is not a CSV of deals in UTF-8."""


class LoadDatabaseError(LoadError):
    """The database does not answer, lacks the tables, or somebody else wrote the same rows meanwhile."""


class OnConflict(StrEnum):
    """What becomes of a row whose id is already in the catalogue."""

    UPDATE = "update"
    """The deal gets the row's values; one that has them already stays untouched."""
    SKIP = "skip"
    """The deal stays as it is."""
    ERROR = "error"
    """The row is rejected."""


class Stage(StrEnum):
    READING = "Reading"
    CHECKING = "Checking"
    WRITING = "Writing"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: `share` is the part of the file read so far, from 0 to 1."""

    stage: Stage
    rows: int
    share: float


ProgressCallback = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeResult:
    """What writing the good rows did to the catalogue."""

    hotels_added: int = 0
    categories_added: int = 0
    deals_inserted: int = 0
    deals_updated: int = 0
    deals_unchanged: int = 0
    """Rows whose deal had their values already, or was to be skipped."""
    links_written: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What an import found and did."""

    rows: int
    rejected: int
    """Rows with a problem, each counted once."""
    rejects: Path | None
    """Where the problems are listed; None if there are none."""
    merged: MergeResult | None
    """None if nothing was written because of the rejected rows."""
    seconds: float


COLUMNS: Final = (
    "id",
    "hotel_name",
    "hotel_city",
    "hotel_country",
    "hotel_star_rating",
    "hotel_phone",
    "room_type",
    "price_per_night",
    "original_price",
    "discount_percent",
    "checkin_date",
    "checkout_date",
    "is_available",
    "categories",
    "created_at",
)
"""In the order in which they are written. A file that is read may have them in any order."""


SHOWN_LENGTH: Final = 80


class RejectedCell(NamedTuple):
    """One problem of one row; `column` is empty where the row as a whole is wrong."""

    line: int
    """The first line of the row in the file, from 1; the header counts."""
    column: str
    value: str
    reason: str


def printable_prefix(text: str) -> str:
    """The start of `text`, with everything that does not print written as an escape."""
    start = "".join(char if char.isprintable() else _escaped(char) for char in text[:SHOWN_LENGTH])
    return start if len(text) <= SHOWN_LENGTH else f"{start}…"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
