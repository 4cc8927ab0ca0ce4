"""The import: a file of deals into the catalogue, all of it or nothing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case

from app.importer.conflicts import find_conflicts
from app.importer.merge import merge
from app.importer.reader import read_chunks
from app.importer.staging import create_staging, delete_rejected, stage_rejects, stage_rows, write_rejects_file
from app.importer.types import LoadDatabaseError, LoadReport, OnConflict, Progress, ProgressCallback, Stage
from app.importer.validation import check

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
        rejects = write_rejects_file(cursor, path.with_suffix(".rejects.csv"), rejected=rejected)
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
    find_conflicts(cursor, on_conflict=on_conflict)
    return delete_rejected(cursor)


Result = TypeVar("Result")

# Read committed: what a concurrent import wrote must be seen once its lock is gone.
_SETTINGS: Final = """
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET LOCAL statement_timeout = %(statement_timeout)s;
    SET LOCAL lock_timeout = 0;
    SET LOCAL work_mem = '64MB';
"""


@contextmanager
def transaction(dsn: str, *, statement_timeout: float) -> Iterator[Cursor]:
    """Commits at the end, unless it is left by an exception. Raises LoadDatabaseError for what the database refuses.

    No statement takes more than `statement_timeout` seconds.
    """
    try:
        with (
            closing(psycopg2.connect(dsn, client_encoding="utf8")) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_SETTINGS, {"statement_timeout": f"{round(statement_timeout * 1000)}ms"})
            yield cursor
    except (errors.UndefinedTable, errors.UndefinedColumn) as error:
        raise LoadDatabaseError("The database does not have this version's tables; run `deals migrate`.") from error
    except (errors.UniqueViolation, errors.ForeignKeyViolation, errors.DeadlockDetected) as error:
        raise LoadDatabaseError("Somebody else wrote the same rows meanwhile; run the import again.") from error
    except psycopg2.Error as error:
        reason = str(error).strip().partition("\n")[0]
        raise LoadDatabaseError(f"The import failed in the database: {reason}") from error


def interruptible(cursor: Cursor, work: Callable[[], Result]) -> Result:
    """Do `work` so that Ctrl-C cancels the statement it waits for; psycopg2 alone is deaf until the statement ends."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(work)
        try:
            return running.result()
        finally:
            while wait([running], timeout=0.1).not_done:
                cursor.connection.cancel()
