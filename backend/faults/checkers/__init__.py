"""The checkers: pure functions of the evidence. Each returns what it found wrong, in sentences; none if all is well."""

from collections.abc import Callable, Mapping
from typing import Final

from faults.checkers.answers import answers_are_sound, the_service_comes_back
from faults.checkers.keys import one_effect_a_key
from faults.checkers.reads import reads_are_true
from faults.checkers.rest import nothing_is_left_open, rollups_are_right
from faults.checkers.versions import one_write_a_version, versions_follow_time, versions_have_no_gap
from faults.checkers.writes import acknowledged_writes_are_kept, nothing_unsent_is_there
from faults.evidence import Evidence

Checker = Callable[[Evidence], list[str]]

CHECKERS: Final[Mapping[str, Checker]] = {
    checker.__name__: checker
    for checker in (
        acknowledged_writes_are_kept,
        one_write_a_version,
        nothing_unsent_is_there,
        versions_follow_time,
        reads_are_true,
        one_effect_a_key,
        versions_have_no_gap,
        rollups_are_right,
        nothing_is_left_open,
        answers_are_sound,
        the_service_comes_back,
    )
}


def judge(evidence: Evidence) -> dict[str, list[str]]:
    """The findings of each checker, by its name."""
    return {name: checker(evidence) for name, checker in CHECKERS.items()}
