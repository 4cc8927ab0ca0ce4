"""Alembic migrations: the revision of a database, and upgrading it."""

from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from app.config import BACKEND
from app.db.urls import sync_url


class MigrationError(Exception):
    """The schema cannot be migrated to this version. The message is one sentence."""


def alembic_config(url: str) -> Config:
    """Alembic's configuration for the database at `url`."""
    config = Config(BACKEND / "alembic.ini")
    config.attributes["url"] = url
    return config


@cache
def head_revision() -> str | None:
    """The newest revision of this version of the service."""
    return _scripts().get_current_head()


def is_compatible(revision: str | None) -> bool:
    """Whether this version of the service works on a database at `revision`: its own, or that of a newer version.

    Migrations stay compatible with the version before them, which serves until all processes have been replaced.
    """
    return revision is not None and revision not in _older_revisions()


@cache
def _older_revisions() -> frozenset[str]:
    return frozenset(script.revision for script in _scripts().walk_revisions()) - {head_revision()}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(BACKEND / "alembic"))


def get_revision(connection: Connection) -> str | None:
    """The current revision, None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def current_revision(url: str) -> str | None:
    """The revision of the database at `url`. Raises SQLAlchemyError if it is not reachable."""
    with create_engine(sync_url(url), poolclass=NullPool).connect() as connection:
        return get_revision(connection)


def migrate(url: str) -> bool:
    """Migrate the database at `url` to the newest revision. Returns False if it was up to date.

    Raises MigrationError for a database that a newer version of the service has migrated.
    """
    if current_revision(url) == head_revision():
        return False
    try:
        command.upgrade(alembic_config(url), "head")
    except CommandError as error:
        raise MigrationError(f"The database is at a revision that this version does not know: {error}.") from error
    return True
