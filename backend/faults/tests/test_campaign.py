"""A short campaign with all scenarios and all kinds of faults; `python -m faults --help` has the long ones."""

from typing import Final

from faults.campaign import Campaign, run_campaign
from faults.checkers import run_checkers
from faults.nemesis import FAULT_KINDS
from faults.report import format_report

SHORT: Final = Campaign(
    seed=7,
    clients=12,
    deals=6,
    min_writes=200,
    min_keys=20,
    fault_kinds=FAULT_KINDS,
    faults=len(FAULT_KINDS),
    interval=(0.1, 0.4),
    duration=(0.2, 0.8),
)


def test_short_campaign_with_every_kind_of_fault_has_no_violations() -> None:
    result = run_campaign(SHORT)
    violations = run_checkers(result.observations)
    report = "\n".join(format_report("short", SHORT, result, violations))
    assert {fault.kind for fault in result.faults} == set(FAULT_KINDS), report
    assert not result.is_stalled, report
    assert not any(violations.values()), report
