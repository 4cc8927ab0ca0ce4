"""Import rows into a test's own database, and read the committed result."""

import csv
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg2

from app.importer.pipeline import load_deals
from app.importer.types import LoadReport, NewPhone, OnConflict, Progress
from tests.support.deal_files import Row, write_rows

_ALL_IDS: Final = """
    SELECT id FROM hotels UNION ALL SELECT id FROM deals
    UNION ALL SELECT id FROM categories UNION ALL SELECT deal_id FROM deal_categories
"""
_COUNT_OTHER_SESSIONS: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_ANY_SESSION_BLOCKED: Final = """
    SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@dataclass(frozen=True)
class Catalogue:
    """Reads and writes the database over a new connection per statement, so it sees committed rows only."""

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
        """Return once a session waits for a lock of another one; fail if `unless` returns True before that."""
        while not self.one(_ANY_SESSION_BLOCKED):
            assert not unless(), "it ended without waiting for a lock"

    def wait_until_alone(self) -> None:
        """Return once there is no other session on the database."""
        while self.one(_COUNT_OTHER_SESSIONS):
            pass

    def is_empty(self) -> bool:
        return self.all(_ALL_IDS) == []


def ignore_progress(_: Progress) -> None:
    """A progress callback that does nothing."""


@dataclass(frozen=True)
class Importer:
    """Writes rows to `file` and imports it."""

    dsn: str
    file: Path

    @property
    def rejects_file(self) -> Path:
        return self.file.with_name(f"{self.file.name}.rejects.csv")

    def __call__(
        self,
        *rows: Row,
        on_conflict: OnConflict = OnConflict.UPDATE,
        new_phone: NewPhone = NewPhone.UPDATE,
        partial: bool = False,
    ) -> LoadReport:
        write_rows(self.file, *rows)
        return load_deals(
            self.file,
            dsn=self.dsn,
            progress=ignore_progress,
            on_conflict=on_conflict,
            new_phone=new_phone,
            partial=partial,
        )

    def rejects(self) -> list[tuple[str, ...]]:
        """The rows of the rejects file: line, column, value, reason."""
        with self.rejects_file.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
        assert header == ["line", "column", "value", "reason"]
        return [tuple(row) for row in rows]
