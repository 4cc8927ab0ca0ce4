"""The files of the embedded PostgreSQL. A cluster is created completely or not at all."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from devtools.postgres.account import Account, EmbeddedPostgresError
from devtools.postgres.address import NAME

_INITDB: Final = ("-A", "trust", "-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


@dataclass(frozen=True, slots=True)
class Cluster:
    """The database cluster in `data`, owned by `account`, for the PostgreSQL in `programs`."""

    data: Path
    programs: Path
    account: Account

    @property
    def directory(self) -> Path:
        return self.data / "cluster"

    @property
    def postgres(self) -> Path:
        return self.programs / "postgres"

    def ensure_initialized(self, options: Sequence[str], *, initdb_options: Sequence[str], lock: TextIO) -> None:
        """Create the cluster if there is none. If this process is killed, no incomplete cluster remains in place.

        The programs hold `lock` while they run. Raises EmbeddedPostgresError for a cluster of another major version.
        """
        if self.directory.exists():
            self._check_version()
            return
        unfinished = self.data / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        location = ("-D", str(unfinished))
        self.account.run(self.programs / "initdb", *location, "-U", NAME, *_INITDB, *initdb_options, locks=[lock])
        # Without exit_on_error, single-user mode continues after an error and exits with 0.
        backend = ("--single", *location, *options, "-c", "exit_on_error=on", "postgres")
        self.account.run(self.postgres, *backend, stdin=f"CREATE DATABASE {NAME}\n", locks=[lock])
        unfinished.rename(self.directory)
        _sync_directory(self.data)

    def _check_version(self) -> None:
        created_by = (self.directory / "PG_VERSION").read_text().strip()
        installed = self.account.run(self.postgres, "--version").split()[-1]
        if installed.split(".")[0] != created_by:
            raise EmbeddedPostgresError(
                f"The database in {self.data} was created by PostgreSQL {created_by}, and this is {installed}: "
                "move that directory away to start with an empty database."
            )


def _sync_directory(directory: Path) -> None:
    """Make a rename inside the directory survive a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
