"""Alembic migrations: the revision of a database, and upgrading it."""

from functools import cache
from typing import Final

from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from psycopg2 import errors
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from app.config import BACKEND
from app.db.encoding import check_encoding
from app.db.locks import IMPORT_LOCK, MIGRATION_LOCK
from app.db.urls import sync_url

DEFAULT_LOCK_TIMEOUT: Final = 300.0
_LOCKS: Final = {
    MIGRATION_LOCK: "Another process still migrates the database after {:g} seconds.",
    IMPORT_LOCK: "An import still runs after {:g} seconds: run `deals migrate` again when it has ended.",
}
"""The locks of a migration, and the messages if another session holds them for too long."""
_LOCK: Final = text("SELECT pg_advisory_lock(:key)")
_SET_TIMEOUTS: Final = text(
    "SELECT set_config('lock_timeout', :lock_timeout, true), set_config('statement_timeout', '0', true)"
)
_REASONS: Final = {
    errors.DeadlockDetected: "A migration and another session waited for each other: run `deals migrate` again.",
    errors.InvalidSchemaName: "The search_path of the connection names no schema that exists: create the schema first.",
    errors.LockNotAvailable: "A table is locked by another session: run `deals migrate` again when it has ended.",
    errors.QueryCanceled: "A migration took longer than its statement timeout, and was rolled back.",
}


class MigrationError(CommandError):
    """The schema cannot be migrated to this version. The message is one sentence, which Alembic's commands print."""


def alembic_config(url: str, *, lock_timeout: float = DEFAULT_LOCK_TIMEOUT) -> Config:
    """Alembic's configuration for the database at `url`; `lock_timeout` is the timeout of `lock_migrations`."""
    config = Config(BACKEND / "alembic.ini")
    config.attributes.update(url=url, lock_timeout=lock_timeout)
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
    return _known_revisions() - {head_revision()}


@cache
def _known_revisions() -> frozenset[str]:
    return frozenset(script.revision for script in _scripts().walk_revisions())


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(BACKEND / "alembic"))


def get_revision(connection: Connection) -> str | None:
    """The current revision, None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def current_revision(url: str) -> str | None:
    """The revision of the database at `url`.

    Raises SQLAlchemyError if it is not reachable, and UnsupportedDatabaseError for its encoding or locale.
    """
    with create_engine(sync_url(url), poolclass=NullPool).connect() as connection:
        check_encoding(connection)
        return get_revision(connection)


def lock_migrations(connection: Connection, *, timeout: float) -> None:
    """Let no other session migrate the database or import a file until the connection is closed.

    Waits up to `timeout` seconds for a migration, and as long for an import. Raises MigrationError then.
    """
    for key, message in _LOCKS.items():
        try:
            with connection.begin():
                connection.execute(_SET_TIMEOUTS, {"lock_timeout": f"{round(timeout * 1000)}ms"})
                connection.execute(_LOCK, {"key": key})
        except OperationalError as error:
            if not isinstance(error.orig, errors.LockNotAvailable):
                raise
            raise MigrationError(message.format(timeout)) from error


def reject_if_found(query: str, message: str) -> None:
    """Raise MigrationError in a migration if `query` returns a row; `{}` in the message stands for its first value.

    Has no effect in offline mode, which has no connection.
    """
    if op.get_context().as_sql:
        return
    row = op.get_bind().execute(text(query)).first()
    if row is not None:
        raise MigrationError(message.format(*row))


def migrate(url: str, *, lock_timeout: float = DEFAULT_LOCK_TIMEOUT) -> bool:
    """Migrate the database at `url` to the newest revision. Returns False if it was up to date.

    Waits for another process that migrates it, and for an import. Raises MigrationError if one of them takes more than
    `lock_timeout` seconds, and for a database that a newer version of the service has migrated, and
    UnsupportedDatabaseError.
    """
    found = current_revision(url)
    if found == head_revision():
        return False
    if found is not None and found not in _known_revisions():
        raise MigrationError(f"The database is at a revision that this version does not know: {found}.")
    try:
        command.upgrade(alembic_config(url, lock_timeout=lock_timeout), "head")
    except DBAPIError as error:
        reason = next((text for type_, text in _REASONS.items() if isinstance(error.orig, type_)), None)
        if reason is None:
            raise
        raise MigrationError(reason) from error
    return True
