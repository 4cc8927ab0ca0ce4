"""The options of an experiment, and its result: measurements compared with targets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType
from typing import Final

from faults.environment import Environment, start_environment
from faults.experiments.sample_data import insert_sample_data
from faults.workers import SERVICE

_NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})
_MAX_EXAMPLES: Final = 5
_BOUND_FACTOR: Final = 3.0
"""No event in n trials bounds its rate, with 95 % confidence, by about 3/n."""
_MIN_TRIALS_FOR_BOUND: Final = 30


@dataclass(frozen=True, slots=True)
class Options:
    seed: int = 1
    scale: float = 1.0
    """Relative to the full size."""
    app_factory: str = SERVICE

    def scaled(self, size: int, *, minimum: int = 1) -> int:
        return max(minimum, round(size * self.scale))

    def rng(self, *name: object) -> Random:
        """A generator that depends only on the seed and the name."""
        return Random(f"{self.seed} {name}")

    def start(
        self, *, workers: int = 1, settings: Mapping[str, str] = _NO_SETTINGS, through_proxy: bool = False
    ) -> AbstractContextManager[Environment]:
        """A new environment with the sample data."""
        return start_environment(
            prepare=insert_sample_data,
            workers=workers,
            app_factory=self.app_factory,
            settings=settings,
            through_proxy=through_proxy,
        )


@dataclass(slots=True)
class Violations:
    """Counts undesired events and keeps the first examples."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def record(self, description: str) -> None:
        self.count += 1
        if len(self.examples) < _MAX_EXAMPLES:
            self.examples.append(description)


@dataclass(frozen=True, slots=True)
class Criterion:
    measured: str
    target: str
    is_met: bool
    examples: Sequence[str] = ()


def expect_none(event: str, violations: Violations, *, n: int) -> Criterion:
    """Require that the event never happens in n trials; the bound of its rate is printed."""
    bound = f" (below {100 * _BOUND_FACTOR / n:.2g} %)" if n >= _MIN_TRIALS_FOR_BOUND and not violations.count else ""
    measured = f"{violations.count:,} {event}{bound}"
    return Criterion(measured, "0", is_met=violations.count == 0, examples=violations.examples)


def expect_at_most(quantity: str, seconds: float, limit: float) -> Criterion:
    return Criterion(f"{quantity} {seconds:.3g} s", f"≤ {limit:g} s", is_met=seconds <= limit)


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    n: int
    criteria: Sequence[Criterion]
    faults: str = "none"
    statuses: "Counter[int]" = field(default_factory=Counter)

    @property
    def is_met(self) -> bool:
        return self.n > 0 and all(criterion.is_met for criterion in self.criteria)

    def format(self) -> str:
        """n, faults, measurements, targets, and the verdict."""
        measured = "; ".join(criterion.measured for criterion in self.criteria)
        target = "; ".join(criterion.target for criterion in self.criteria)
        verdict = "met" if self.is_met else "MISSED"
        return f"n {self.n:,} | faults: {self.faults} | {measured} | {target} | {verdict}"

    def list_details(self) -> list[str]:
        """Examples of all violations, and the number of responses by status."""
        statuses = ", ".join(f"{count:,} times {status}" for status, count in sorted(self.statuses.items()))
        examples = [example for criterion in self.criteria for example in criterion.examples]
        return [*examples, statuses] if statuses else examples


def get_percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed; infinity for an empty sequence."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")
