"""Which cores do what: one runs the application that is measured, the others its client and its database."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_pin: Callable[[int, frozenset[int]], None] | None
if sys.platform == "linux":
    _pin = os.sched_setaffinity
else:
    _pin = None


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores that this process may use, split; there is no split of one core, nor where nothing can be pinned."""

    all: frozenset[int]

    @classmethod
    def of_this_process(cls) -> "Cores":
        if sys.platform == "linux":
            return cls(frozenset(os.sched_getaffinity(0)))
        return cls(frozenset(range(os.cpu_count() or 1)))

    def give_application(self, pid: int) -> None:
        """The first core, for the process with all its threads and what it starts from now on."""
        for thread in Path(f"/proc/{pid}/task").glob("*"):
            self._give(int(thread.name), frozenset({min(self.all)}))

    def give_others(self) -> None:
        """All others, for this process and what it starts from now on."""
        self._give(0, self.all - {min(self.all)})

    @property
    def are_split(self) -> bool:
        return _pin is not None and len(self.all) > 1

    def _give(self, pid: int, cores: frozenset[int]) -> None:
        if _pin is not None and self.are_split:
            _pin(pid, cores)
