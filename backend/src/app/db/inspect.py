"""Properties of the database server and of the role that connects, for the production checks."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from app.db.encoding import UnsupportedDatabaseError, check_encoding
from app.db.migrations import get_revision
from app.db.urls import sync_url

_FACTS: Final = text(
    """
    SELECT
        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
        EXISTS (
            SELECT FROM pg_class
            WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text = ANY (current_schemas(false)::text[])
                AND pg_has_role(relowner, 'MEMBER')
        ) AS owns_tables,
        EXISTS (
            SELECT FROM unnest(current_schemas(false)) AS name WHERE has_schema_privilege(name, 'CREATE')
        ) AS can_create,
        current_setting('fsync')::bool AS fsync,
        current_setting('full_page_writes')::bool AS full_page_writes,
        current_setting('synchronous_commit') AS synchronous_commit,
        least(
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true)::int, 0),
            (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = session_user),
            (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
        ) AS max_connections
    """
)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """`max_connections` is the limit for this role; `revision` is None if the role cannot read the schema.

    `encoding_problem` is a sentence, None if the encoding and the locale are supported.
    """

    is_superuser: bool
    owns_tables: bool
    can_create: bool
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    max_connections: int
    revision: str | None
    encoding_problem: str | None


def inspect_server(url: str) -> ServerFacts:
    """Connect to `url` and read its properties. Raises OperationalError if it is not reachable."""
    with create_engine(sync_url(url), poolclass=NullPool).connect() as connection:
        facts = connection.execute(_FACTS).mappings().one()
        return ServerFacts(**facts, encoding_problem=_encoding_problem(connection), revision=_revision(connection))


def _encoding_problem(connection: Connection) -> str | None:
    try:
        check_encoding(connection)
    except UnsupportedDatabaseError as error:
        return str(error)
    return None


def _revision(connection: Connection) -> str | None:
    try:
        return get_revision(connection)
    except ProgrammingError:
        return None
