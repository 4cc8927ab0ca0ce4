"""Where the embedded PostgreSQL is reached: a socket in a short, private folder."""

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
PORT: Final = 5432
_LONGEST: Final = 89  # bytes of folder; with the socket's own name it has to fit into 103 on some systems


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A running server, reached by its owner alone, without a password. User and database are both called `super`."""

    directory: Path
    user: str = NAME
    database: str = NAME

    @property
    def url(self) -> str:
        """The URL for SQLAlchemy with asyncpg; `dataclasses.replace(address, database=…)` has that of another one."""
        return self._url("postgresql+asyncpg")

    @property
    def libpq_url(self) -> str:
        """The URL for psycopg2 and psql."""
        return self._url("postgresql")

    def answers(self) -> bool:
        """Whether a server takes connections here."""
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(socket_file(self.directory))) == 0

    def _url(self, scheme: str) -> str:
        # PGPORT would apply if the port were not named.
        database, host = quote(self.database, safe=""), quote(str(self.directory))
        return f"{scheme}://{self.user}@/{database}?host={host}&port={PORT}"


def socket_file(directory: Path) -> Path:
    return directory / f".s.PGSQL.{PORT}"


def default_socket_directory(data: Path) -> Path:
    """The folder for the socket of the server of `data`: the same for every process of a user."""
    name = f"pg-{os.geteuid()}-{sha256(os.fsencode(data)).hexdigest()[:12]}"
    folders = (Path(tempfile.gettempdir()) / name, Path("/tmp") / name)  # noqa: S108 - make_private() looks at it
    return next(folder for folder in folders if _is_short_and_plain(folder) or folder is folders[-1])


def make_private(directory: Path) -> None:
    """Make the folder, or see that it is one which only this user can enter."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        _refuse_foreign(directory)
    directory.chmod(0o700)


def _refuse_foreign(directory: Path) -> None:
    found = directory.lstat()  # a link would show its target's owner
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise EmbeddedPostgresError(f"{directory} is not a folder of this user: remove it, or set TMPDIR.")


def _is_short_and_plain(directory: Path) -> bool:
    return len(os.fsencode(directory)) <= _LONGEST and quote(str(directory)) == str(directory)
