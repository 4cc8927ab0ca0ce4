"""The import: read, validate and stage a file, reject conflicts, merge. One transaction, all or nothing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import connection as Connection  # noqa: N812  psycopg2 spells its classes in lower case
from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case

from app.config import DEFAULT_MAINTENANCE_TIMEOUT
from app.db.locks import IMPORT_LOCK
from app.importer.conflicts import reject_conflicts
from app.importer.merge import merge
from app.importer.reader import read_chunks
from app.importer.staging import (
    create_staging,
    delete_existing,
    delete_rejected,
    list_rejects,
    stage_rejects,
    stage_rows,
    write_rejects_file,
)
from app.importer.types import (
    LoadDatabaseError,
    LoadInterruptedError,
    LoadOutcomeUnknownError,
    LoadReport,
    NewPhone,
    OnConflict,
    Progress,
    ProgressCallback,
    Stage,
)
from app.importer.validation import validate

Result = TypeVar("Result")

_MAX_FIRST_REJECTS: Final = 10
# Read committed, to see the rows of a concurrent import after waiting for it.
_CONFIGURE: Final = """
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET LOCAL statement_timeout = %(statement_timeout)s;
    SET LOCAL lock_timeout = 0;
    SET LOCAL work_mem = '64MB';
"""
_WAIT_FOR_IMPORTS_AND_MIGRATIONS: Final = "SELECT pg_advisory_xact_lock(%s)"


def load_deals(
    path: Path,
    *,
    dsn: str,
    progress: ProgressCallback,
    on_conflict: OnConflict = OnConflict.UPDATE,
    new_phone: NewPhone = NewPhone.UPDATE,
    partial: bool = False,
    rejects_file: Path | None = None,
    statement_timeout: float = DEFAULT_MAINTENANCE_TIMEOUT,
) -> LoadReport:
    """Import a file of deals into the catalogue at `dsn`, a libpq URL or connection string, in one transaction.

    The path `-` is standard input. The rejects are listed in the CSV file `rejects_file`, by default next to the
    file: `deals.csv.rejects.csv` for `deals.csv`. Without any, the list of an earlier run is removed. If a row is
    rejected, nothing is written, or with `partial` only the valid rows, provided that the list could be written.
    Concurrent imports and migrations wait for each other. Each statement may take `statement_timeout` seconds. Raises
    LoadError.
    """
    started = monotonic()
    rejects_file = rejects_file or path.with_name(f"{path.name}.rejects.csv")
    with _transaction(dsn, statement_timeout=statement_timeout) as cursor:
        rows = _stage(cursor, path, progress=progress)
        progress(Progress(Stage.CHECKING, rows, 1))
        rejected = _run_interruptibly(
            cursor, lambda: _reject_conflicts(cursor, on_conflict=on_conflict, new_phone=new_phone)
        )
        first_rejects = list_rejects(cursor, limit=_MAX_FIRST_REJECTS)
        rejects_file_error = write_rejects_file(cursor, rejects_file, rejected_rows=rejected)
        merged = None
        if not rejected or (partial and not rejects_file_error):
            progress(Progress(Stage.WRITING, rows - rejected, 1))
            merged = _run_interruptibly(cursor, lambda: merge(cursor, on_conflict=on_conflict, rows=rows - rejected))
        else:
            cursor.connection.rollback()  # so that a lost connection cannot leave the outcome unknown
    return LoadReport(
        file=path,
        rows=rows,
        rejected_rows=rejected,
        first_rejects=first_rejects,
        rejects_file=rejects_file if rejected else None,
        rejects_file_error=rejects_file_error,
        merged=merged,
        seconds=monotonic() - started,
    )


def _stage(cursor: Cursor, path: Path, *, progress: ProgressCallback) -> int:
    """Validate and stage the rows of the file, and count them."""
    create_staging(cursor)
    rows = 0
    progress(Progress(Stage.READING, rows, 0))
    for chunk in read_chunks(path):
        values, rejects = validate(chunk.cells)
        stage_rows(cursor, values)
        stage_rejects(cursor, chunk.malformed + rejects)
        rows += chunk.rows
        progress(Progress(Stage.READING, rows, chunk.share))
    return rows


def _reject_conflicts(cursor: Cursor, *, on_conflict: OnConflict, new_phone: NewPhone) -> int:
    """Remove the rows to skip, reject rows that conflict with others, and count all rejected rows."""
    cursor.execute(_WAIT_FOR_IMPORTS_AND_MIGRATIONS, [IMPORT_LOCK])
    if on_conflict is OnConflict.SKIP:
        delete_existing(cursor)
    reject_conflicts(cursor, on_conflict=on_conflict, new_phone=new_phone)
    return delete_rejected(cursor)


@contextmanager
def _transaction(dsn: str, *, statement_timeout: float) -> Iterator[Cursor]:
    """Commit at the end, or roll back if an exception is raised.

    Raises LoadDatabaseError for database errors, LoadOutcomeUnknownError if the connection is lost during the commit,
    and LoadInterruptedError for a KeyboardInterrupt before the commit. A KeyboardInterrupt during the commit is not
    converted, because the rows may have been written.
    """
    try:
        with closing(psycopg2.connect(dsn, client_encoding="utf8")) as connection:
            with _interrupts_as_load_errors(), connection.cursor() as cursor:
                cursor.execute(_CONFIGURE, {"statement_timeout": f"{round(statement_timeout * 1000)}ms"})
                yield cursor
            _commit(connection)
    except (errors.UndefinedTable, errors.UndefinedColumn) as error:
        raise LoadDatabaseError("The database does not have this version's tables; run `deals migrate`.") from error
    except (errors.UniqueViolation, errors.ForeignKeyViolation, errors.DeadlockDetected) as error:
        raise LoadDatabaseError("Another session wrote the same rows concurrently; run the import again.") from error
    except psycopg2.Error as error:
        reason = str(error).strip().partition("\n")[0]
        raise LoadDatabaseError(f"The import failed in the database: {reason}") from error


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except psycopg2.Error as error:
        if not connection.closed:
            raise
        raise LoadOutcomeUnknownError(
            "The connection was lost during the commit, so the rows may have been written: run the import again."
        ) from error


@contextmanager
def _interrupts_as_load_errors() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise LoadInterruptedError("Interrupted: nothing was written.") from None


def _run_interruptibly(cursor: Cursor, work: Callable[[], Result]) -> Result:
    """Run `work` so that Ctrl-C cancels the running statement; psycopg2 would wait for the end of the statement."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(work)
        try:
            return running.result()
        finally:
            while wait([running], timeout=0.1).not_done:
                cursor.connection.cancel()
