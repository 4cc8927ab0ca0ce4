"""Databases of the benchmark's own, made for a run and dropped after it."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection
from sqlalchemy import make_url

from app.db.migrations import migrate
from app.db.urls import libpq_url
from app.importer.generator import write_deals
from benchmarks.measuring import measure
from devtools.postgres.embedded import EmbeddedPostgres

# PostgreSQL's own defaults, durable; only what would hit one contestant and spare another is done by hand instead.
_STEADY: Final = {"autovacuum": "off", "checkpoint_timeout": "1h"}
_SEED: Final = 42


class Scratch:
    """Makes databases on the server of `url`, in which a database of its own name is never touched."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)

    @contextmanager
    def database(self, name: str, *, template: str = "template0") -> Iterator[str]:
        """The libpq URL of a new database, a copy of the scratch database `template` if that is named."""
        own, source = self._named(name), template if template == "template0" else self._named(template)
        self._run(f'DROP DATABASE IF EXISTS "{own}" WITH (FORCE)', f'CREATE DATABASE "{own}" TEMPLATE "{source}"')
        try:
            yield libpq_url(self._url.set(database=own).render_as_string(hide_password=False))
        finally:
            self._run(f'DROP DATABASE "{own}" WITH (FORCE)')

    def checkpoint(self) -> None:
        """Write out what is pending, so that it is not written during a measurement."""
        self._run("CHECKPOINT")

    def version(self) -> str:
        """PostgreSQL's."""
        return str(fetch(self._url.render_as_string(hide_password=False), "SHOW server_version")[0][0]).split()[0]

    def _named(self, name: str) -> str:
        return f"{self._url.database}_bench_{name}"

    def _run(self, *statements: str) -> None:
        run(self._url.render_as_string(hide_password=False), *statements)


@contextmanager
def scratch_server(url: str | None) -> Iterator[Scratch]:
    """Scratch databases beside the database at `url`, else on a throw-away server with real commits."""
    if url is not None:
        yield Scratch(url)
        return
    with tempfile.TemporaryDirectory(prefix="deals-bench-") as folder:
        server = EmbeddedPostgres(Path(folder) / "data", options=_STEADY, initdb_options=["--no-sync"])
        with server.running() as address:
            yield Scratch(address.url)


def write_file(path: Path, *, rows: int) -> None:
    """A CSV of `rows` deals, the same for every run."""
    with path.open("w", encoding="utf-8", newline="") as file:
        write_deals(file, rows=rows, seed=_SEED)


def load(url: str, path: Path) -> None:
    """Fill a migrated database from a CSV, and leave it as autovacuum would."""
    measure("imports", {"contestant": "service", "url": url, "file": str(path)}, url=url)
    run(url, "VACUUM ANALYZE")


def create_schema(url: str) -> None:
    migrate(url)


def run(url: str, *statements: str) -> None:
    """Each in a transaction of its own."""
    with closing(_connect(url)) as server, server.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def fetch(url: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(_connect(url)) as server, server.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def _connect(url: str) -> connection:
    server = psycopg2.connect(libpq_url(url))
    server.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    return server
