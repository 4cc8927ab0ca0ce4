"""The address of the embedded PostgreSQL: a Unix socket in a short, private directory."""

import os
import socket
import stat
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

from devtools.postgres.account import EmbeddedPostgresError

NAME: Final = "super"
"""The user and the database."""
PORT: Final = 5432
_MAX_DIRECTORY_BYTES: Final = 89
"""A socket's path may have 103 bytes on some systems, and its file name has 14."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The address of a running server. Only its owner can connect, without a password."""

    directory: Path
    user: str = NAME
    database: str = NAME

    @property
    def url(self) -> str:
        """URL for SQLAlchemy with asyncpg. `dataclasses.replace(address, database=…)` gives another database's."""
        return self._build_url("postgresql+asyncpg")

    @property
    def libpq_url(self) -> str:
        """URL for psycopg2 and psql."""
        return self._build_url("postgresql")

    def accepts_connections(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(socket_file(self.directory))) == 0

    def _build_url(self, scheme: str) -> str:
        # The port is explicit, because libpq would otherwise use PGPORT.
        database, host = quote(self.database, safe=""), quote(str(self.directory))
        return f"{scheme}://{self.user}@/{database}?host={host}&port={PORT}"


def socket_file(directory: Path) -> Path:
    return directory / f".s.PGSQL.{PORT}"


def default_socket_directory(data: Path) -> Path:
    """The socket directory for the server of `data`, the same in all processes of a user."""
    name = f"pg-{os.geteuid()}-{sha256(os.fsencode(data)).hexdigest()[:12]}"
    candidates = (Path(tempfile.gettempdir()) / name, Path("/tmp") / name)  # noqa: S108  make_private() checks it
    return next(path for path in candidates if _is_short_and_plain(path) or path is candidates[-1])


def make_private(directory: Path) -> None:
    """Create the directory, for this user only. Raises EmbeddedPostgresError if it belongs to another."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        _check_owner(directory)
    directory.chmod(0o700)


def _check_owner(directory: Path) -> None:
    status = directory.lstat()  # not stat(), which follows links
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise EmbeddedPostgresError(f"{directory} is not a directory of this user: remove it, or set TMPDIR.")


def _is_short_and_plain(directory: Path) -> bool:
    return len(os.fsencode(directory)) <= _MAX_DIRECTORY_BYTES and quote(str(directory)) == str(directory)
