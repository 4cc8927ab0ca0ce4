"""The options and the measurements of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

Sample = Mapping[str, float]
"""One measurement of one target: figures by name."""

_HTTP_FIGURES: Final = ("requests_per_second", "p50_ms", "p99_ms")


@dataclass(frozen=True, slots=True)
class Options:
    """The extent of a run."""

    rows: int
    """Deals in the catalogue that all targets share."""
    larger: tuple[int, ...]
    """Sizes of further catalogues, for the service alone."""
    seconds: float
    """Length of one measurement over HTTP; CPU time is measured for as long as all rounds of one target."""
    rounds: int
    cases: tuple[str, ...]
    database_url: str | None = None


@dataclass(frozen=True, slots=True)
class RequestStats:
    """One target under one case: medians of the rounds, and the CPU time of the cheapest batch."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """Of the application, a request."""

    @classmethod
    def from_rounds(cls, rounds: Sequence[Sample], cpu_us: float) -> "RequestStats":
        speed, p50, p99 = (median(sample[name] for sample in rounds) for name in _HTTP_FIGURES)
        return cls(speed, p50, p99, cpu_us)

    @property
    def speed(self) -> float:
        return self.requests_per_second


@dataclass(frozen=True, slots=True)
class ImportStats:
    """One target's import: median time, minimum CPU time, peak memory."""

    rows: int
    seconds: float
    rows_per_second: float
    cpu_us: float
    """Of the importing process, a row."""
    peak_mib: float

    @classmethod
    def from_rounds(cls, rounds: Sequence[Sample], *, rows: int) -> "ImportStats":
        seconds = median(sample["seconds"] for sample in rounds)
        cpu_us = 1_000_000 * min(sample["cpu_seconds"] for sample in rounds) / rows
        return cls(rows, seconds, rows / seconds, cpu_us, max(sample["peak_mib"] for sample in rounds))

    @property
    def speed(self) -> float:
        return self.rows_per_second


@dataclass(frozen=True, slots=True)
class GrowthSeries:
    """Milliseconds of one query for each catalogue size, the smallest first."""

    question: str
    milliseconds: Sequence[float]

    @property
    def factor(self) -> float:
        return self.milliseconds[-1] / self.milliseconds[0]


@dataclass(frozen=True, slots=True)
class Growth:
    """Times for each catalogue size: over HTTP on one connection, and of the statements alone."""

    rows: Sequence[int]
    over_http: Sequence[GrowthSeries]
    in_database: Sequence[GrowthSeries]
    complaints: Sequence[str]
    """Plan nodes on the largest catalogue that read all deals or sort more than a page needs."""


@dataclass(frozen=True, slots=True)
class Results:
    """A whole run: by case, then by target."""

    options: Options
    machine: Mapping[str, str]
    requests: Mapping[str, Mapping[str, RequestStats]]
    imports: Mapping[str, ImportStats]
    growth: Growth | None

    @property
    def cases(self) -> dict[str, Mapping[str, RequestStats | ImportStats]]:
        """All cases, including the import if it was measured."""
        return {**self.requests, **({"import": self.imports} if self.imports else {})}


@dataclass(frozen=True, slots=True)
class Ratios:
    """One target's speed and CPU time divided by those of the controls."""

    speed_of_bare: float
    speed_of_tutorial: float
    cpu_of_bare: float

    @classmethod
    def compute(cls, name: str, case: Mapping[str, RequestStats | ImportStats]) -> "Ratios":
        target, bare, tutorial = case[name], case["bare"], case["tutorial"]
        return cls(target.speed / bare.speed, target.speed / tutorial.speed, target.cpu_us / bare.cpu_us)
