"""One connection and one transaction for an import, and failures told in sentences."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from typing import Final, TypeVar

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case

from app.loading.contract import LoadDatabaseError

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
