"""What a caller of the import gives and gets. Imports nothing heavy, so that a command line starts quickly."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


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
class Merged:
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
    merged: Merged | None
    """None if nothing was written because of the rejected rows."""
    seconds: float
