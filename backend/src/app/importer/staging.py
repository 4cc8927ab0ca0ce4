"""The temporary tables of an import. They live in its transaction and go with it."""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Final

import pandas as pd
from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case

from app.importer.types import LoadFileError, RejectedCell, printable_prefix

_CREATE: Final = """
    CREATE TEMPORARY TABLE staged (
        line bigint NOT NULL,
        id bigint,
        hotel_name text,
        hotel_city text,
        hotel_country text,
        hotel_star_rating smallint,
        hotel_phone text,
        room_type text,
        price_per_night numeric(10, 2),
        original_price numeric(10, 2),
        discount_percent smallint,
        checkin_date date,
        checkout_date date,
        is_available boolean,
        categories text,
        created_at timestamp with time zone
    ) ON COMMIT DROP;
    CREATE TEMPORARY TABLE rejects (
        line bigint NOT NULL,
        "column" text NOT NULL,
        value text NOT NULL,
        reason text NOT NULL,
        number bigint GENERATED ALWAYS AS IDENTITY
    ) ON COMMIT DROP;
"""
_COPY_ROWS: Final = "COPY staged FROM STDIN WITH (FORMAT csv, FORCE_NOT_NULL (categories))"
_COPY_REJECTS: Final = """
    COPY rejects (line, "column", value, reason) FROM STDIN
    WITH (FORMAT csv, FORCE_NOT_NULL ("column", value))
"""
_WITHDRAW: Final = "DELETE FROM staged WHERE line IN (SELECT line FROM rejects)"
_COUNT_REJECTED: Final = "SELECT count(DISTINCT line) FROM rejects"
_PUBLISH: Final = """
    COPY (SELECT line, "column", value, reason FROM rejects ORDER BY line, number) TO STDOUT WITH (FORMAT csv, HEADER)
"""


def create_staging(cursor: Cursor) -> None:
    cursor.execute(_CREATE)


def stage_rows(cursor: Cursor, values: pd.DataFrame) -> None:
    """Send checked rows, in the columns' order; the index holds their lines."""
    text = StringIO()
    values.to_csv(text, header=False)
    text.seek(0)
    cursor.copy_expert(_COPY_ROWS, text)


def stage_rejects(cursor: Cursor, rejects: Sequence[RejectedCell]) -> None:
    text = StringIO()
    csv.writer(text).writerows(reject._replace(value=printable_prefix(reject.value)) for reject in rejects)
    text.seek(0)
    cursor.copy_expert(_COPY_REJECTS, text)


def delete_rejected(cursor: Cursor) -> int:
    """Take the rejected rows out of the staged ones, and count them."""
    cursor.execute(_WITHDRAW)
    cursor.execute(_COUNT_REJECTED)
    (count,) = cursor.fetchone() or (0,)
    return int(count)


def write_rejects_file(cursor: Cursor, path: Path, *, rejected: int) -> Path | None:
    """List all rejects in a CSV at `path`, by line; where nothing was rejected, there is no such file afterwards."""
    try:
        if not rejected:
            path.unlink(missing_ok=True)
            return None
        with path.open("wb") as file:
            cursor.copy_expert(_PUBLISH, file)
    except OSError as error:
        raise LoadFileError(f"{path} cannot be written: {error.strerror}.") from error
    return path
