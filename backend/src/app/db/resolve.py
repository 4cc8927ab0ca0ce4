"""Which database a command works on: the configured one, else compose's, else the embedded one."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg2

from app.config import Settings
from app.db.urls import libpq_url
from devtools.postgres.embedded import EmbeddedPostgres

COMPOSE_URL: Final = "postgresql://super@localhost:5432/super"


@dataclass(frozen=True, slots=True)
class ResolvedDatabase:
    """A database that answers for as long as the context it came from is open."""

    url: str
    description: str


@contextmanager
def open_database(settings: Settings) -> Iterator[ResolvedDatabase]:
    """The database to use, started if need be, and stopped at the end if this was its last user."""
    if settings.database_url is not None:
        yield ResolvedDatabase(settings.database_url.get_secret_value(), "the one DATABASE_URL names")
    elif is_compose_running():
        yield ResolvedDatabase(COMPOSE_URL, "the compose database on localhost:5432")
    else:
        with embedded_database(settings) as database:
            yield database


@contextmanager
def embedded_database(settings: Settings) -> Iterator[ResolvedDatabase]:
    """The database in the settings' data folder. Raises EmbeddedPostgresError if its server can't be started."""
    server = EmbeddedPostgres(settings.data_dir / "postgres", bin_dir=settings.postgres_bin_dir)
    with server.running() as address:
        yield ResolvedDatabase(address.url, f"an embedded PostgreSQL in {settings.data_dir}")


def is_compose_running() -> bool:
    """Whether the database that `docker compose up db` starts is there."""
    try:
        psycopg2.connect(COMPOSE_URL, connect_timeout=1).close()
    except psycopg2.OperationalError:
        return False
    return True


def is_empty(url: str) -> bool:
    """Whether the catalogue at `url`, whose schema is up to date, has no deal at all."""
    with closing(psycopg2.connect(libpq_url(url))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT NOT EXISTS (SELECT FROM deals)")
        return cursor.fetchone() == (True,)
