"""The schema's history: where a database stands in it, and how to bring it up to date."""

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
    """The database can't be brought to this version's schema. The message is one sentence."""


def alembic_config(url: str) -> Config:
    """Alembic's configuration for the database at `url`."""
    config = Config(BACKEND / "alembic.ini")
    config.attributes["url"] = url
    return config


@cache
def head_revision() -> str | None:
    """The revision that this version of the service works with."""
    return _revisions().get_current_head()


def is_compatible(revision: str | None) -> bool:
    """Whether this version of the service works on a database at `revision`: its own, or that of a newer version.

    Migrations keep what the version before them needs: it goes on serving until all processes are replaced.
    """
    return revision is not None and revision not in _older_revisions()


@cache
def _older_revisions() -> frozenset[str]:
    return frozenset(each.revision for each in _revisions().walk_revisions()) - {head_revision()}


def _revisions() -> ScriptDirectory:
    return ScriptDirectory(str(BACKEND / "alembic"))


def get_revision(connection: Connection) -> str | None:
    """The revision that the database stands at, None before the first."""
    return MigrationContext.configure(connection).get_current_revision()


def current_revision(url: str) -> str | None:
    """The revision of the database at `url`. Raises SQLAlchemyError if it does not answer."""
    with create_engine(sync_url(url), poolclass=NullPool).connect() as connection:
        return get_revision(connection)


def migrate(url: str) -> bool:
    """Bring the database at `url` to the newest revision; False if it was there already.

    Raises MigrationError for a database that a newer version of the service has migrated.
    """
    if current_revision(url) == head_revision():
        return False
    try:
        command.upgrade(alembic_config(url), "head")
    except CommandError as error:
        raise MigrationError(f"The database is not at a revision that this version knows: {error}.") from error
    return True
