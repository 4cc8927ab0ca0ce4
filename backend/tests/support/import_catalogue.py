"""An import into a database of the test's own, and eyes on what came of it."""

import csv
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg2

from app.importer.pipeline import load_deals
from app.importer.types import LoadReport, OnConflict, Progress
from tests.support.deal_files import Row, write_rows

_ANYTHING: Final = """
    SELECT id FROM hotels UNION ALL SELECT id FROM deals
    UNION ALL SELECT id FROM categories UNION ALL SELECT deal_id FROM deal_categories
"""
_OTHERS: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_IS_BLOCKED: Final = """
    SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@dataclass(frozen=True)
class Catalogue:
    """Sees what is committed, and only that."""

    dsn: str

    def all(self, query: str, **values: object) -> list[tuple[object, ...]]:
        with closing(psycopg2.connect(self.dsn)) as connection, connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()

    def one(self, query: str, **values: object) -> object:
        ((value,),) = self.all(query, **values)
        return value

    def change(self, statement: str) -> None:
        with closing(psycopg2.connect(self.dsn)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def wait_for_a_blocked_session(self, *, unless: Callable[[], bool]) -> None:
        """Return once a session waits for another one's lock; `unless` tells that none ever will."""
        while not self.one(_IS_BLOCKED):
            assert not unless(), "it was over without waiting for a lock"

    def wait_until_alone(self) -> None:
        """Return once no other session is left."""
        while self.one(_OTHERS):
            pass

    def is_empty(self) -> bool:
        return self.all(_ANYTHING) == []


def ignore(_: Progress) -> None:
    """Follows no progress."""


@dataclass(frozen=True)
class Importer:
    """Writes rows to a file and imports it."""

    dsn: str
    file: Path

    @property
    def rejects_file(self) -> Path:
        return self.file.with_name("deals.rejects.csv")

    def __call__(self, *rows: Row, on_conflict: OnConflict = OnConflict.UPDATE, partial: bool = False) -> LoadReport:
        write_rows(self.file, *rows)
        return load_deals(self.file, dsn=self.dsn, progress=ignore, on_conflict=on_conflict, partial=partial)

    def rejects(self) -> list[tuple[str, ...]]:
        """The lines of the rejects file after its header: line, column, value, reason."""
        with self.rejects_file.open(encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file)
        assert header == ["line", "column", "value", "reason"]
        return [tuple(line) for line in lines]
