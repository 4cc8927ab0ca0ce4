"""A server as production has it: durable, and with the roles of docs/roles.sql."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

from app.config import BACKEND
from app.db.migrations import migrate
from devtools.postgres import EmbeddedPostgres, ServerAddress
from tests.support.databases import connect
from tests.support.embedded_processes import fetch_value


@dataclass(frozen=True, slots=True)
class Guarded:
    """Its migrated database, as any of the roles sees it."""

    address: ServerAddress

    def url(self, role: str) -> str:
        return replace(self.address, user=role).libpq_url

    def ask(self, statement: str) -> str:
        """As a superuser; the first value as text."""
        return fetch_value(self.url("super"), statement)

    def give_rights(self) -> None:
        """Run docs/roles.sql."""
        self.ask((BACKEND.parent / "docs" / "roles.sql").read_text())

    @contextmanager
    def set_to(self, name: str, value: str) -> Iterator[None]:
        """Another setting of the server, for new sessions, until the end of the block."""
        before = self.ask(f"SHOW {name}")
        self._alter(f"SET {name} = {value}", name, value)
        yield
        self._alter(f"RESET {name}", name, before)

    def _alter(self, change: str, name: str, value: str) -> None:
        server = connect(self.url("super"))
        server.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with server.cursor() as cursor:
            cursor.execute(f"ALTER SYSTEM {change}")
            cursor.execute("SELECT pg_reload_conf()")
        server.close()
        deadline = time.monotonic() + 60
        while self.ask(f"SHOW {name}") != value:
            assert time.monotonic() < deadline, f"{name} does not become {value}"


@contextmanager
def guarded_server(folder: Path) -> Iterator[Guarded]:
    """With the roles, until the end of the block."""
    server = EmbeddedPostgres(folder, initdb_options=["--no-sync", "--wal-segsize=1"])
    with server.running(stop_mode="immediate") as address:
        guarded = Guarded(address)
        migrate(guarded.url("super"))
        guarded.give_rights()
        yield guarded
