"""Choose the database: DATABASE_URL, else the compose database, else the embedded server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg2

from app.config import Settings
from app.db.urls import libpq_url

COMPOSE_URL: Final = "postgresql://super@localhost:5432/super"
_NOT_INSTALLED: Final = (
    "There is no database: set DATABASE_URL, or start the compose database with `docker compose up -d db`. "
    "(The embedded PostgreSQL is a development tool that is not installed here; in the repository `./uvw` provides it.)"
)


class NoDatabaseError(Exception):
    """No database can be used. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class ResolvedDatabase:
    """A database that can be used while the context it came from is open."""

    url: str
    description: str


@contextmanager
def open_database(settings: Settings) -> Iterator[ResolvedDatabase]:
    """The database to use. An embedded server is started if necessary, and stopped by its last user."""
    if settings.database_url is not None:
        yield ResolvedDatabase(settings.database_url.get_secret_value(), "the database in DATABASE_URL")
    elif is_compose_running():
        yield ResolvedDatabase(COMPOSE_URL, "the compose database on localhost:5432")
    else:
        with embedded_database(settings) as database:
            yield database


@contextmanager
def embedded_database(settings: Settings) -> Iterator[ResolvedDatabase]:
    """The embedded database in the data directory. Raises NoDatabaseError if its server cannot be started."""
    try:
        from devtools.postgres import EmbeddedPostgres, EmbeddedPostgresError  # noqa: PLC0415  a development tool
    except ModuleNotFoundError:
        raise NoDatabaseError(_NOT_INSTALLED) from None
    try:
        server = EmbeddedPostgres(settings.data_dir / "postgres", bin_dir=settings.postgres_bin_dir)
        with server.running() as address:
            yield ResolvedDatabase(address.url, f"an embedded PostgreSQL in {settings.data_dir}")
    except EmbeddedPostgresError as error:
        raise NoDatabaseError(str(error)) from error


def bundled_postgres_programs() -> Path | None:
    """The directory of the embedded server's programs, if they are installed."""
    try:
        from devtools.postgres import EmbeddedPostgresError, bundled_programs  # noqa: PLC0415  a development tool
    except ModuleNotFoundError:
        return None
    try:
        return bundled_programs()
    except EmbeddedPostgresError:
        return None


def is_compose_running() -> bool:
    """Whether the database of `docker compose up db` accepts connections."""
    try:
        psycopg2.connect(COMPOSE_URL, connect_timeout=1).close()
    except psycopg2.OperationalError:
        return False
    return True


def is_empty(url: str) -> bool:
    """Whether the catalogue at `url` has no deals. The schema must be up to date."""
    with closing(psycopg2.connect(libpq_url(url))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT NOT EXISTS (SELECT FROM deals)")
        return cursor.fetchone() == (True,)
