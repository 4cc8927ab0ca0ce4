"""The embedded PostgreSQL: processes that use one data directory share a server, and the last one stops it."""

import fcntl
import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final, TextIO

from devtools.postgres.account import Account, EmbeddedPostgresError, bundled_programs, candidate_accounts, first_usable
from devtools.postgres.address import ServerAddress
from devtools.postgres.cluster import Cluster
from devtools.postgres.server import Server, StopMode

_NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})


class EmbeddedPostgres:
    """The server of the data directory `data`, which is created on first use.

    `options` are server settings; with the defaults, a commit survives a crash and a power failure. `bin_dir` contains
    the programs of PostgreSQL 17 or newer; the default is the installed wheel. Users are counted by file locks, so a
    killed process no longer counts, and the next user takes over the server that it left running.
    """

    def __init__(
        self,
        data: Path,
        *,
        options: Mapping[str, str] = _NO_OPTIONS,
        initdb_options: Sequence[str] = (),
        bin_dir: Path | None = None,
        accounts: Sequence[Account] | None = None,
    ) -> None:
        self._data = data.resolve()
        self._options = options
        self._initdb_options = initdb_options
        self._bin_dir = bin_dir
        self._accounts = candidate_accounts() if accounts is None else accounts

    @contextmanager
    def running(self, *, stop_mode: StopMode = "fast") -> Iterator[ServerAddress]:
        """A server that accepts connections while the context is open. Raises EmbeddedPostgresError."""
        with _wrap_os_errors():
            server = self._create_server()
            users = self._users_file.open("a")
        with users:
            try:
                with _wrap_os_errors(), self._lifecycle_lock() as lock:
                    fcntl.flock(users, fcntl.LOCK_SH)
                    address = server.ensure_running(lock=lock)
                yield address
            finally:
                # If the data directory has been deleted, its server notices that and stops.
                with _wrap_os_errors(), suppress(FileNotFoundError), self._lifecycle_lock():
                    if self._is_last_user(users):
                        server.stop(stop_mode)

    @property
    def _users_file(self) -> Path:
        return self._data / "users.lock"

    @contextmanager
    def _lifecycle_lock(self) -> Iterator[TextIO]:
        """Serialise starting, joining, leaving and stopping the server between processes."""
        with (self._data / "lifecycle.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock

    def _is_last_user(self, users: TextIO) -> bool:
        if not os.path.samestat(os.fstat(users.fileno()), self._users_file.stat()):
            return False  # the data directory was deleted and created again, by other users
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _create_server(self) -> Server:
        programs = self._bin_dir or bundled_programs()
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        account = self._choose_account(programs / "postgres")
        if os.geteuid() == 0:
            os.chown(self._data, 0, 0)
        self._data.chmod(0o700)
        return Server(Cluster(self._data, programs, account), self._options, self._initdb_options)

    def _choose_account(self, postgres: Path) -> Account:
        owner = self._find_owner()
        matching = [account for account in self._accounts if owner in {None, account.uid}]
        if owner is not None and not matching:
            raise EmbeddedPostgresError(
                f"The database in {self._data} belongs to another user, {_get_user_name(owner)}: "
                "run this as that user, move the directory away, or set DATABASE_URL."
            )
        return first_usable(matching, postgres=postgres, data=self._data)

    def _find_owner(self) -> int | None:
        """The owner of the cluster, None if there is no cluster."""
        cluster = self._data / "cluster"
        try:
            return cluster.stat().st_uid
        except FileNotFoundError:
            return None
        except PermissionError:
            return self._data.stat().st_uid


def _get_user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@contextmanager
def _wrap_os_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedPostgresError(f"The embedded PostgreSQL cannot use its files: {error}") from error
