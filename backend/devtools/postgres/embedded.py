"""A PostgreSQL of our own: the processes that use one data folder share one server, and the last one stops it."""

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

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "ServerAddress", "StopMode"]

_NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})


class EmbeddedPostgres:
    """The server of the data folder `data`, which is made when it is first needed.

    `options` are server settings; without any, a commit survives a crash and a power cut. `bin_dir` holds the
    programs of PostgreSQL 17 or newer; they come from the installed wheel otherwise. Users are counted by locks and
    not by numbers, so a killed process is no longer one, and the server it leaves behind is the next one's.
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
        """A server that answers for as long as the context is open; an EmbeddedPostgresError if there cannot be one."""
        with _one_sentence():
            server = self._server()
            users = self._users.open("a")
        with users:
            try:
                with _one_sentence(), self._turn() as turn:
                    fcntl.flock(users, fcntl.LOCK_SH)
                    address = server.ensure_running(turn=turn)
                yield address
            finally:
                # The server of a data folder that was deleted meanwhile notices that by itself.
                with _one_sentence(), suppress(FileNotFoundError), self._turn():
                    if self._is_last(users):
                        server.stop(stop_mode)

    @property
    def _users(self) -> Path:
        return self._data / "users.lock"

    @contextmanager
    def _turn(self) -> Iterator[TextIO]:
        """One process at a time starts, joins, leaves or stops."""
        with (self._data / "turn.lock").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield turn

    def _is_last(self, users: TextIO) -> bool:
        if not os.path.samestat(os.fstat(users.fileno()), self._users.stat()):
            return False  # the folder was deleted and made anew: its users are others
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _server(self) -> Server:
        programs = self._bin_dir or bundled_programs()
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        account = self._account(programs / "postgres")
        if os.geteuid() == 0:
            os.chown(self._data, 0, 0)
        self._data.chmod(0o700)
        return Server(Cluster(self._data, programs, account), self._options, self._initdb_options)

    def _account(self, postgres: Path) -> Account:
        owner = self._owner()
        fitting = [account for account in self._accounts if owner in {None, account.uid}]
        if owner is not None and not fitting:
            raise EmbeddedPostgresError(
                f"The database in {self._data} belongs to another user, {_name(owner)}: "
                "run this as that user, move the folder away, or set DATABASE_URL."
            )
        return first_usable(fitting, postgres=postgres, data=self._data)

    def _owner(self) -> int | None:
        """Whose the cluster is; None before there is one."""
        cluster = self._data / "cluster"
        try:
            return cluster.stat().st_uid
        except FileNotFoundError:
            return None
        except PermissionError:
            return self._data.stat().st_uid


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@contextmanager
def _one_sentence() -> Iterator[None]:
    """What the system refuses, said to a user."""
    try:
        yield
    except OSError as error:
        raise EmbeddedPostgresError(f"The embedded PostgreSQL cannot use its files: {error}") from error
