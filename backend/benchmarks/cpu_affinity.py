"""CPU affinity: one core runs the measured application, the others run its client and its database."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_set_affinity: Callable[[int, frozenset[int]], None] | None
if sys.platform == "linux":
    _set_affinity = os.sched_setaffinity
else:
    _set_affinity = None


@dataclass(frozen=True, slots=True)
class CpuAffinity:
    """The cores available to this process. Does nothing with a single core, or where affinity is not supported."""

    cores: frozenset[int]

    @classmethod
    def detect(cls) -> "CpuAffinity":
        if sys.platform == "linux":
            return cls(frozenset(os.sched_getaffinity(0)))
        return cls(frozenset(range(os.cpu_count() or 1)))

    @property
    def is_split(self) -> bool:
        return _set_affinity is not None and len(self.cores) > 1

    def pin_application(self, pid: int) -> None:
        """Pin all threads of a process, and its future children, to the first core."""
        for thread in Path(f"/proc/{pid}/task").glob("*"):
            self._pin(int(thread.name), frozenset({min(self.cores)}))

    def pin_current_process(self) -> None:
        """Pin this process, and its future children, to the other cores."""
        self._pin(0, self.cores - {min(self.cores)})

    def _pin(self, pid: int, cores: frozenset[int]) -> None:
        if _set_affinity is not None and self.is_split:
            _set_affinity(pid, cores)
