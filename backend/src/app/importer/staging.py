"""The temporary tables of an import: its valid values and its rejects. They are dropped with the transaction."""

import csv
import os
from collections.abc import Iterator, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case
from pyarrow import csv as arrow_csv

from app.importer.types import COLUMNS, LoadFileError, RejectedCell, printable, printable_prefix

_CREATE_STAGED: Final = sql.SQL(
    "CREATE TEMPORARY TABLE staged (line bigint NOT NULL, {columns}) ON COMMIT DROP"
).format(columns=sql.SQL(", ").join(sql.SQL(f"{column.name} {column.sql_type}") for column in COLUMNS))
_CREATE_REJECTS: Final = """
    CREATE TEMPORARY TABLE rejects (
        line bigint NOT NULL,
        "column" text NOT NULL,
        value text NOT NULL,
        reason text NOT NULL,
        number bigint GENERATED ALWAYS AS IDENTITY
    ) ON COMMIT DROP
"""
_COPY_ROWS: Final = "COPY staged FROM STDIN WITH (FORMAT csv, FORCE_NOT_NULL (categories))"
_COPY_REJECTS: Final = """
    COPY rejects (line, "column", value, reason) FROM STDIN
    WITH (FORMAT csv, FORCE_NOT_NULL ("column", value))
"""
_DELETE_REJECTED: Final = "DELETE FROM staged WHERE line IN (SELECT line FROM rejects)"
_DELETE_EXISTING: Final = """
    DELETE FROM staged
    USING deals
    WHERE deals.external_id = staged.id AND NOT EXISTS (SELECT FROM rejects WHERE rejects.line = staged.line)
"""
_COUNT_REJECTED: Final = "SELECT count(DISTINCT line) FROM rejects"
_LIST_REJECTS: Final = """
    SELECT line, "column", value, reason FROM rejects ORDER BY line, number LIMIT %(limit)s
"""
_FORMULA_SIGNS: Final = ("=", "+", "-", "@")
_REJECTS_HEADER: Final = ("line", "column", "value", "reason")


def create_staging(cursor: Cursor) -> None:
    cursor.execute(_CREATE_STAGED)
    cursor.execute(_CREATE_REJECTS)


def stage_rows(cursor: Cursor, values: pd.DataFrame) -> None:
    """Copy validated rows, indexed by line, to `staged`."""
    table = pa.Table.from_pandas(values.rename_axis("line").reset_index())
    text = BytesIO()
    arrow_csv.write_csv(table, text, arrow_csv.WriteOptions(include_header=False))
    text.seek(0)
    cursor.copy_expert(_COPY_ROWS, text)


def stage_rejects(cursor: Cursor, rejects: Sequence[RejectedCell]) -> None:
    text = StringIO()
    csv.writer(text).writerows(reject._replace(value=printable_prefix(reject.value)) for reject in rejects)
    text.seek(0)
    cursor.copy_expert(_COPY_REJECTS, text)


def delete_existing(cursor: Cursor) -> None:
    """Remove the valid rows with an id that is already in the catalogue from `staged`."""
    cursor.execute(_DELETE_EXISTING)


def delete_rejected(cursor: Cursor) -> int:
    """Remove the rejected rows from `staged`, and count all rejected rows."""
    cursor.execute(_DELETE_REJECTED)
    cursor.execute(_COUNT_REJECTED)
    (count,) = cursor.fetchone() or (0,)
    return int(count)


def list_rejects(cursor: Cursor, *, limit: int) -> list[RejectedCell]:
    """The first rejects in the order of the file."""
    cursor.execute(_LIST_REJECTS, {"limit": limit})
    return [RejectedCell(*row) for row in cursor.fetchall()]


def write_rejects_file(cursor: Cursor, path: Path, *, rejected_rows: int) -> str | None:
    """Replace the CSV file at `path` by a list of all rejects, sorted by line. If that fails, return the reason.

    Without rejects, remove the list of an earlier run. A file that is not such a list is never changed.
    Raises LoadFileError if the list cannot be removed.
    """
    try:
        is_list = _is_rejects_file(path)
    except OSError as error:
        return error.strerror or str(error)
    if not rejected_rows:
        if is_list:
            _remove_file(path)
        return None
    if not is_list and (path.is_symlink() or path.exists()):
        return "another file with this name exists"
    return _replace_file(cursor, path)


def _is_rejects_file(path: Path) -> bool:
    """Whether `path` is a list of rejects that an import wrote."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline(100).rstrip() == ",".join(_REJECTS_HEADER)


def _replace_file(cursor: Cursor, path: Path) -> str | None:
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with new.open("x", encoding="utf-8-sig", newline="") as file:  # spreadsheets need the byte order mark
            rejects = csv.writer(file, lineterminator="\n")
            rejects.writerow(_REJECTS_HEADER)
            rejects.writerows(_export_rejects(cursor))
        new.replace(path)
    except OSError as error:
        return error.strerror or str(error)
    finally:
        new.unlink(missing_ok=True)
    return None


def _export_rejects(cursor: Cursor) -> Iterator[RejectedCell]:
    """All rejects, fetched in batches. An apostrophe prevents a spreadsheet from evaluating a value as a formula."""
    with cursor.connection.cursor("exported_rejects") as batches:
        batches.execute(_LIST_REJECTS, {"limit": None})
        for row in batches:
            reject = RejectedCell(*row)
            value = f"'{reject.value}" if reject.value.startswith(_FORMULA_SIGNS) else reject.value
            yield reject._replace(value=value, reason=printable(reject.reason))


def _remove_file(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise LoadFileError(f"{path} cannot be removed: {error.strerror}.") from error
