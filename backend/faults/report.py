"""What a run comes to, in lines to print: how much was done, what was broken, and what the checkers say."""

import os
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from faults.campaign import Campaign, Run
from faults.evidence import Evidence
from faults.history import Kind, Operation, Outcome

_LIBRARIES: Final = ("fastapi", "starlette", "uvicorn", "sqlalchemy", "asyncpg", "pydantic")
_FEW: Final = 100
"""From so many cases on, none found says something about how rare it is."""
_TOLD: Final = 5
"""How many findings of a checker are printed; the count is that of all."""

_CASES: Final[Mapping[str, Callable[[Evidence], int]]] = MappingProxyType(
    {
        "acknowledged_writes_are_kept": lambda evidence: len(evidence.acknowledged),
        "one_write_a_version": lambda evidence: sum(one.kind is Kind.CHANGE for one in evidence.acknowledged),
        "nothing_unsent_is_there": lambda evidence: len(evidence.aftermath.trail),
        "versions_follow_time": lambda evidence: sum(one.kind is Kind.CHANGE for one in evidence.acknowledged),
        "reads_are_true": lambda evidence: sum(one.seen is not None for one in evidence.operations),
        "one_effect_a_key": lambda evidence: len(evidence.by_idempotency_key),
        "versions_have_no_gap": lambda evidence: len(evidence.aftermath.trail),
        "rollups_are_right": lambda evidence: len(evidence.aftermath.deals),
        "nothing_is_left_open": lambda evidence: len(evidence.aftermath.workers),
        "answers_are_sound": lambda evidence: sum(one.status is not None for one in evidence.operations),
        "the_service_comes_back": lambda evidence: len(evidence.aftermath.back_after),
    }
)
"""How many cases each checker has looked at."""


def lines(name: str, campaign: Campaign, run: Run, verdict: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """All there is to say about a run."""
    yield _done(name, campaign, run)
    yield f"  {_broken(run)}"
    yield f"  {_machine(run)}"
    yield f"  {_waits(run)}"
    if run.is_dead:
        yield "  IT ENDED EARLY: no write was acknowledged any more"
    for checker, findings in verdict.items():
        yield f"  {_judged(checker, findings, _CASES[checker](run.evidence))}"
        yield from (f"      {finding}" for finding in findings[:_TOLD])


def _done(name: str, campaign: Campaign, run: Run) -> str:
    outcomes = Counter(one.outcome for one in run.history.operations if one.is_write)
    writes = ", ".join(f"{outcomes[outcome]:,} {outcome}" for outcome in Outcome)
    return (
        f"{name}, seed {campaign.seed}: {len(run.history.operations):,} operations in {run.seconds:.0f} s by "
        f"{campaign.players} clients on {campaign.workers} workers; writes: {writes}; {run.keys:,} idempotency keys"
    )


def _broken(run: Run) -> str:
    kinds = Counter(fault.kind for fault in run.faults)
    return (
        f"{len(run.faults)} faults: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items())) or 'none'}"
    )


def _machine(run: Run) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return f"Python {platform.python_version()}, PostgreSQL {run.postgres}, {libraries}, {os.cpu_count()} cores"


def _waits(run: Run) -> str:
    slowest = max((one.end - one.start for one in run.history.operations), default=0.0)
    return (
        f"slowest answer {slowest:.2f} s, longest time without any success {_longest_gap(run.history.operations):.2f} s"
    )


def _longest_gap(operations: Sequence[Operation]) -> float:
    successes = sorted(one.end for one in operations if one.outcome is Outcome.OK)
    return max((later - earlier for earlier, later in pairwise(successes)), default=0.0)


def _judged(checker: str, findings: Sequence[str], cases: int) -> str:
    if findings:
        return f"{checker}: {len(findings):,} FOUND in {cases:,}"
    bound = f", so fewer than {300 / cases:.2g} % (3/n)" if cases >= _FEW else ""
    return f"{checker}: 0 in {cases:,}{bound}"
