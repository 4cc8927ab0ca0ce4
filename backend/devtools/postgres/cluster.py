"""The files of the embedded PostgreSQL: made whole or not at all."""

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
    """The database files in `data`, of `account`, for the version of `programs`."""

    data: Path
    programs: Path
    account: Account

    @property
    def folder(self) -> Path:
        return self.data / "cluster"

    @property
    def postgres(self) -> Path:
        return self.programs / "postgres"

    def provide(self, options: Sequence[str], *, initdb_options: Sequence[str], turn: TextIO) -> None:
        """Make the files unless they are there. A run that is killed meanwhile leaves no cluster.

        What works on the files keeps `turn` locked, so nobody else begins before it has ended.
        """
        if self.folder.exists():
            self._refuse_other_version()
            return
        unfinished = self.data / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        place = ("-D", str(unfinished))
        self.account.run(self.programs / "initdb", *place, "-U", NAME, *_INITDB, *initdb_options, locks=[turn])
        # Single-user mode would go on after an error and end as if all were well.
        backend = ("--single", *place, *options, "-c", "exit_on_error=on", "postgres")
        self.account.run(self.postgres, *backend, typed=f"CREATE DATABASE {NAME}\n", locks=[turn])
        unfinished.rename(self.folder)
        _persist(self.data)

    def _refuse_other_version(self) -> None:
        written = (self.folder / "PG_VERSION").read_text().strip()
        here = self.account.run(self.postgres, "--version").split()[-1]
        if here.split(".")[0] != written:
            raise EmbeddedPostgresError(
                f"The database in {self.data} was made by PostgreSQL {written} and this is {here}: "
                "move that folder away to begin with an empty one."
            )


def _persist(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
