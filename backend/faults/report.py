"""The printed report of a campaign: operations, faults, machine, latencies, and the checkers' findings."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from faults.campaign import Campaign, CampaignResult
from faults.checkers import CHECKERS
from faults.history import Operation, Outcome
from faults.machine import describe_machine

_MIN_CASES_FOR_BOUND: Final = 100
_MAX_EXAMPLES: Final = 5


def format_report(
    name: str, campaign: Campaign, result: CampaignResult, violations: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """The lines of the report."""
    yield _format_operations(name, campaign, result)
    yield f"  {_format_faults(result)}"
    yield f"  {describe_machine()}"
    yield f"  {_format_latency(result.history.operations)}"
    if result.is_stalled:
        yield "  ABANDONED: writes were no longer acknowledged"
    for checker, found in violations.items():
        yield f"  {_format_violations(checker, found, CHECKERS[checker].count_cases(result.observations))}"
        yield from (f"      {violation}" for violation in found[:_MAX_EXAMPLES])


def _format_operations(name: str, campaign: Campaign, result: CampaignResult) -> str:
    operations = result.history.operations
    outcomes = Counter(one.outcome for one in operations if one.is_write)
    writes = ", ".join(f"{outcomes[outcome]:,} {outcome}" for outcome in Outcome)
    return (
        f"{name}, seed {campaign.seed}: {len(operations):,} operations in {result.seconds:.0f} s by "
        f"{campaign.clients} clients on {campaign.workers} workers; writes: {writes}; {result.keys:,} idempotency keys"
    )


def _format_faults(result: CampaignResult) -> str:
    kinds = sorted(Counter(fault.kind for fault in result.faults).items())
    return f"{len(result.faults)} faults: {', '.join(f'{count} {kind}' for kind, count in kinds) or 'none'}"


def _format_latency(operations: Sequence[Operation]) -> str:
    slowest = max((one.end - one.start for one in operations), default=0.0)
    successes = sorted(one.end for one in operations if one.outcome is Outcome.OK)
    outage = max((later - earlier for earlier, later in pairwise(successes)), default=0.0)
    return f"slowest response {slowest:.2f} s, longest time without a success {outage:.2f} s"


def _format_violations(checker: str, violations: Sequence[str], cases: int) -> str:
    if violations:
        return f"{checker}: {len(violations):,} VIOLATIONS in {cases:,}"
    bound = f", so fewer than {300 / cases:.2g} % (3/n)" if cases >= _MIN_CASES_FOR_BOUND else ""
    return f"{checker}: 0 in {cases:,}{bound}"
