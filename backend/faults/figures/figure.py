"""What a campaign has found out, beside what was to be reached."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_MOST_EXAMPLES: Final = 5
_ODDS: Final = 3.0
"""None in n trials says, with 95 % certainty, that it happens in less than about 3 of n."""
_ENOUGH: Final = 30
"""Trials for that to be worth saying."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing that was to be reached."""

    measured: str
    to_reach: str
    reached: bool


@dataclass(slots=True)
class Findings:
    """What should not be, counted, with a few examples."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        self.count += 1
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(what)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    n: int
    seed: int
    goals: Sequence[Goal]
    faults: str = "none"
    examples: Sequence[str] = ()
    """Some of what was not to be, for whoever has to find the cause."""

    @property
    def reached(self) -> bool:
        return self.n > 0 and all(goal.reached for goal in self.goals)

    def line(self) -> str:
        """name, n, faults, seed, figure, what to reach, reached or not."""
        measured = "; ".join(goal.measured for goal in self.goals)
        to_reach = "; ".join(goal.to_reach for goal in self.goals)
        verdict = "reached" if self.reached else "MISSED"
        given = f"{self.name} | n {self.n:,} | faults: {self.faults} | seed {self.seed}"
        return f"{given} | {measured} | {to_reach} | {verdict}"


def none_of(what: str, findings: Findings, *, n: int) -> Goal:
    """That it never happened; none in n trials is printed with what that says about the rate."""
    bound = f" (below {100 * _ODDS / n:.2g} %)" if n >= _ENOUGH and not findings.count else ""
    return Goal(f"{findings.count:,} {what}{bound}", "0", reached=findings.count == 0)


def at_most(what: str, measured: float, bound: float, *, unit: str = "s") -> Goal:
    """That it was no more than `bound`."""
    return Goal(f"{what} {measured:.3g} {unit}", f"≤ {bound:g} {unit}", reached=measured <= bound)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed; infinite if there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")


def counted(statuses: "Counter[int]") -> str:
    """How often each status came: 12 times 200, 3 times 503."""
    return ", ".join(f"{count:,} times {status}" for status, count in sorted(statuses.items()))
