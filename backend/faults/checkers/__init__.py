"""The checkers: pure functions from the observations to a list of violations, each a sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from faults.checkers.reads import reads_are_consistent
from faults.checkers.service import (
    idempotency_keys_apply_once,
    no_resource_leaks,
    responses_are_well_formed,
    rollups_match_deals,
    workers_recover,
)
from faults.checkers.writes import (
    acknowledged_writes_persist,
    no_unexpected_writes,
    one_update_per_version,
    versions_follow_real_time,
    versions_have_no_gaps,
)
from faults.observations import Observations


@dataclass(frozen=True, slots=True)
class Checker:
    """A property, and the number of cases in which it was checked."""

    check: Callable[[Observations], list[str]]
    count_cases: Callable[[Observations], int]


_CHECKERS: Final = (
    Checker(acknowledged_writes_persist, lambda seen: len(seen.acknowledged_writes)),
    Checker(one_update_per_version, lambda seen: len(seen.acknowledged_updates)),
    Checker(no_unexpected_writes, lambda seen: len(seen.final_state.audit_trail)),
    Checker(versions_follow_real_time, lambda seen: len(seen.acknowledged_updates)),
    Checker(reads_are_consistent, lambda seen: sum(one.returned is not None for one in seen.operations)),
    Checker(idempotency_keys_apply_once, lambda seen: len(seen.operations_by_idempotency_key)),
    Checker(versions_have_no_gaps, lambda seen: len(seen.final_state.audit_trail)),
    Checker(rollups_match_deals, lambda seen: len(seen.final_state.deals)),
    Checker(no_resource_leaks, lambda seen: len(seen.final_state.resources)),
    Checker(responses_are_well_formed, lambda seen: sum(one.status is not None for one in seen.operations)),
    Checker(workers_recover, lambda seen: len(seen.final_state.recovery_seconds)),
)
CHECKERS: Final[Mapping[str, Checker]] = {checker.check.__name__: checker for checker in _CHECKERS}


def run_checkers(observations: Observations) -> dict[str, list[str]]:
    """The violations that each checker found, by its name."""
    return {name: checker.check(observations) for name, checker in CHECKERS.items()}
