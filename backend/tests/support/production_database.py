"""A database server set up as for production: durable, and with the roles of docs/roles.sql."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from app.config import BACKEND
from app.db.migrations import migrate
from devtools.postgres import EmbeddedPostgres, ServerAddress
from tests.support.databases import connect_autocommit

_ROLES: Final = BACKEND.parent / "docs" / "roles.sql"
_TIMEOUT_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class ProductionServer:
    """The server and its migrated database."""

    address: ServerAddress

    def url(self, role: str) -> str:
        """The database's URL for `role`."""
        return replace(self.address, user=role).libpq_url

    def execute(self, *statements: str) -> str:
        """Execute as a superuser, each statement in its own transaction.

        Returns the last statement's first value as text, empty if it has no rows.
        """
        with closing(connect_autocommit(self.url("super"))) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
        return str(row[0]) if row else ""

    def grant_privileges(self) -> None:
        """Run docs/roles.sql, which resets the privileges of all roles."""
        self.execute(_ROLES.read_text())

    @contextmanager
    def override(self, name: str, value: str) -> Iterator[None]:
        """Change a setting of the server for new sessions until the end of the block."""
        before = self.execute(f"SHOW {name}")
        self._alter_system(f"SET {name} = {value}", name, value)
        yield
        self._alter_system(f"RESET {name}", name, before)

    def _alter_system(self, change: str, name: str, value: str) -> None:
        self.execute(f"ALTER SYSTEM {change}", "SELECT pg_reload_conf()")
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while self.execute(f"SHOW {name}") != value:
            assert time.monotonic() < deadline, f"{name} is not {value}"


@contextmanager
def production_server(data: Path) -> Iterator[ProductionServer]:
    """A new server in the folder `data` until the end of the block."""
    server = EmbeddedPostgres(data, initdb_options=["--no-sync", "--wal-segsize=1"])
    with server.running(stop_mode="immediate") as address:
        production = ProductionServer(address)
        migrate(production.url("super"))
        production.grant_privileges()
        yield production
