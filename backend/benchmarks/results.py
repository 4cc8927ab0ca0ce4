"""What a run has measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

Sample = Mapping[str, float]
"""One measurement of one contestant, by what was measured."""

_OVER_HTTP: Final = ("requests_per_second", "p50_ms", "p99_ms")


@dataclass(frozen=True, slots=True)
class Options:
    """What to run, and for how long."""

    rows: int
    """Deals in the catalogue that all contestants work on."""
    larger: tuple[int, ...]
    """Sizes that the service alone is measured on too."""
    seconds: float
    """Of one measurement over HTTP; those of CPU time take as long as those of one contestant together."""
    rounds: int
    cases: tuple[str, ...]
    database_url: str | None = None


@dataclass(frozen=True, slots=True)
class Requests:
    """One contestant under one case: medians of the rounds, and the least CPU time of many batches."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """Of the application, for a request."""

    @classmethod
    def of(cls, rounds: Sequence[Sample], cpu_us: float) -> "Requests":
        speed, p50, p99 = (median(each[name] for each in rounds) for name in _OVER_HTTP)
        return cls(speed, p50, p99, cpu_us)

    @property
    def speed(self) -> float:
        return self.requests_per_second


@dataclass(frozen=True, slots=True)
class Import:
    """One contestant's import: medians of the rounds, the least CPU time, the most memory."""

    rows: int
    seconds: float
    rows_per_second: float
    cpu_us: float
    """Of the importing process, for a row."""
    peak_mib: float

    @classmethod
    def of(cls, rounds: Sequence[Sample], *, rows: int) -> "Import":
        seconds = median(each["seconds"] for each in rounds)
        cpu_us = 1_000_000 * min(each["cpu_seconds"] for each in rounds) / rows
        return cls(rows, seconds, rows / seconds, cpu_us, max(each["peak_mib"] for each in rounds))

    @property
    def speed(self) -> float:
        return self.rows_per_second


@dataclass(frozen=True, slots=True)
class Grown:
    """Milliseconds of one question on each size, the smallest first."""

    question: str
    milliseconds: Sequence[float]

    @property
    def factor(self) -> float:
        return self.milliseconds[-1] / self.milliseconds[0]


@dataclass(frozen=True, slots=True)
class Growth:
    """What more deals cost: over HTTP on one connection, and in the database; `complaints` are about the plans."""

    rows: Sequence[int]
    over_http: Sequence[Grown]
    in_database: Sequence[Grown]
    complaints: Sequence[str]


@dataclass(frozen=True, slots=True)
class Results:
    """Of a whole run: by case, then by contestant."""

    options: Options
    machine: Mapping[str, str]
    requests: Mapping[str, Mapping[str, Requests]]
    imports: Mapping[str, Import]
    growth: Growth | None

    @property
    def cases(self) -> dict[str, Mapping[str, Requests | Import]]:
        """All of them, the import too if it took place."""
        return {**self.requests, **({"import": self.imports} if self.imports else {})}


@dataclass(frozen=True, slots=True)
class Ratios:
    """One contestant of a case against the others: how many times as quick, and how many times the CPU time."""

    speed_of_bare: float
    speed_of_tutorial: float
    cpu_of_bare: float

    @classmethod
    def of(cls, name: str, case: Mapping[str, Requests | Import]) -> "Ratios":
        own, bare, tutorial = case[name], case["bare"], case["tutorial"]
        return cls(own.speed / bare.speed, own.speed / tutorial.speed, own.cpu_us / bare.cpu_us)
