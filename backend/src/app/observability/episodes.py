"""Conditions that last, which are logged when they begin and when they end, not each time they are noticed."""

import time
from typing import Final

import structlog

_log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger()


class Episode:
    """One kind of condition in this process. Logs `begins` as an error, and `ends` with its duration."""

    def __init__(self, *, begins: str, ends: str) -> None:
        self.begins = begins
        self._ends = ends
        self._since: float | None = None

    def begin(self, **fields: object) -> None:
        """Log the beginning, unless the condition lasts already."""
        if self._since is None:
            self._since = time.monotonic()
            _log.error(self.begins, **fields)

    def end(self) -> None:
        """Log the end, if the condition has lasted until now."""
        if self._since is not None:
            seconds, self._since = time.monotonic() - self._since, None
            _log.info(self._ends, seconds=round(seconds, 1))


DATABASE_OUTAGE: Final = Episode(begins="database_unavailable", ends="database_available")
DESCRIPTOR_SHORTAGE: Final = Episode(begins="file_descriptors_exhausted", ends="file_descriptors_available")
