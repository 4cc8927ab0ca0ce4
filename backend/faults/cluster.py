"""A PostgreSQL of its own, with real commits and the service's schema, that can be killed, frozen and restarted."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.db.migrations import migrate
from devtools.postgres.embedded import ServerAddress
from faults.server_control import DURABLE, ClusterError, ServerControl

__all__ = ["DURABLE", "Cluster", "ClusterError", "scratch_folder"]

_MEMORY: Final = Path("/dev/shm")  # noqa: S108  the folder in it gets a name of its own


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for one run, in memory where there is a file system for that.

    Nothing here tests a disk: after a `kill -9` the system still writes whatever it was given.
    """
    with tempfile.TemporaryDirectory(prefix="deals-faults-", dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        yield Path(name)


class Cluster(ServerControl):
    """The server of a folder, and its life."""

    @contextmanager
    def running(self) -> Iterator[ServerAddress]:
        """The migrated server, for the length of the block, whatever is done to it meanwhile."""
        with self.postgres.running(stop_mode="immediate") as address:
            try:
                migrate(address.url)
                yield address
            finally:
                self.thaw()
