"""The import: a file of deals into the catalogue, all of it or nothing."""

from pathlib import Path
from time import monotonic
from typing import Final

from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case

from app.loading.checking import check
from app.loading.contract import LoadReport, OnConflict, Progress, ProgressCallback, Stage
from app.loading.contradictions import find_contradictions
from app.loading.merge import merge
from app.loading.reading import read_chunks
from app.loading.staging import create_staging, publish_rejects, stage_rejects, stage_rows, withdraw_rejected
from app.loading.transaction import interruptible, transaction

_WAIT_FOR_OTHER_IMPORTS: Final = "SELECT pg_advisory_xact_lock(%s)"
_LOCK_KEY: Final = 0x6465616C73
_STATEMENT_TIMEOUT: Final = 3600.0


def load_deals(
    path: Path,
    *,
    dsn: str,
    progress: ProgressCallback,
    on_conflict: OnConflict = OnConflict.UPDATE,
    partial: bool = False,
    statement_timeout: float = _STATEMENT_TIMEOUT,
) -> LoadReport:
    """Bring the catalogue behind `dsn` (libpq's URL or keywords) up to date with a file, in one transaction.

    Rejected rows are listed in a CSV beside the file, `deals.csv` → `deals.rejects.csv`; a list of an earlier run goes.
    One rejected row and nothing is written, unless `partial`: then the good rows are. A second import waits for the
    first. No statement takes more than `statement_timeout` seconds. Raises LoadError if it cannot be done.
    """
    started = monotonic()
    with transaction(dsn, statement_timeout=statement_timeout) as cursor:
        rows = _stage(cursor, path, progress=progress)
        progress(Progress(Stage.CHECKING, rows, 1))
        rejected = interruptible(cursor, lambda: _reject_contradictions(cursor, on_conflict=on_conflict))
        rejects = publish_rejects(cursor, path.with_suffix(".rejects.csv"), rejected=rejected)
        merged = None
        if partial or not rejected:
            progress(Progress(Stage.WRITING, rows, 1))
            merged = interruptible(cursor, lambda: merge(cursor, on_conflict=on_conflict, rows=rows - rejected))
    seconds = monotonic() - started
    return LoadReport(rows=rows, rejected=rejected, rejects=rejects, merged=merged, seconds=seconds)


def _stage(cursor: Cursor, path: Path, *, progress: ProgressCallback) -> int:
    """Check every row of the file by itself, stage it, and count the rows."""
    create_staging(cursor)
    rows = 0
    progress(Progress(Stage.READING, rows, 0))
    for chunk in read_chunks(path):
        values, rejects = check(chunk.cells)
        stage_rows(cursor, values)
        stage_rejects(cursor, chunk.ragged + rejects)
        rows += chunk.rows
        progress(Progress(Stage.READING, rows, chunk.share))
    return rows


def _reject_contradictions(cursor: Cursor, *, on_conflict: OnConflict) -> int:
    """Check the rows against each other and the catalogue, and count all that are rejected by now."""
    cursor.execute(_WAIT_FOR_OTHER_IMPORTS, [_LOCK_KEY])
    find_contradictions(cursor, on_conflict=on_conflict)
    return withdraw_rejected(cursor)
