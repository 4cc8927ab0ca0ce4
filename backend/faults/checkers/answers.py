"""Answers come, have the one shape, and are never a crash."""

from collections import Counter

from faults.evidence import Evidence


def answers_are_sound(evidence: Evidence) -> list[str]:
    """No 500, nothing but JSON errors in their one shape, nobody left without an answer."""
    complaints = Counter(
        (one.complaint, one.kind, one.status) for one in evidence.operations if one.complaint is not None
    )
    return [
        f"{kind} ({status or 'none'}): {complaint}, {times} times."
        for (complaint, kind, status), times in complaints.items()
    ]


def the_service_comes_back(evidence: Evidence) -> list[str]:
    """Every worker serves again once everything is well."""
    return [
        f"{worker} did not serve any more after all was well."
        for worker, seconds in evidence.aftermath.back_after.items()
        if seconds is None
    ]
