"""What was told to be written is there, and nothing else is."""

from collections import Counter
from collections.abc import Iterator

from faults.evidence import Evidence
from faults.history import Kind, Operation, Outcome


def acknowledged_writes_are_kept(evidence: Evidence) -> list[str]:
    """Every write that was told to have happened was committed, and what the trail ends with is in the table."""
    lost = [_told(write) for write in evidence.acknowledged if not _is_kept(evidence, write)]
    return [*lost, *_different(evidence)]


def nothing_unsent_is_there(evidence: Evidence) -> list[str]:
    """Everything committed was sent, was not told to have failed, and was written once."""
    return [*_unsent(evidence), *_unsent_removals(evidence), *_written_twice(evidence)]


def _is_kept(evidence: Evidence, write: Operation) -> bool:
    steps = evidence.steps.get(write.key or 0, [])
    if write.kind is Kind.REMOVE:
        return any(step.kind == "delete" for step in steps)
    kind = "insert" if write.kind is Kind.CREATE else "update"
    written = (kind, write.version, write.sent)
    return any((step.kind, step.version, step.value) == written for step in steps)


def _told(write: Operation) -> str:
    what = "The removal" if write.kind is Kind.REMOVE else f"{write.sent} at version {write.version}"
    return f"{what} of deal {write.key} was acknowledged and is not there."


def _different(evidence: Evidence) -> Iterator[str]:
    deals = evidence.aftermath.deals
    for key, steps in evidence.steps.items():
        last, deal = steps[-1], deals.get(key)
        expected = None if last.kind == "delete" else (last.version, last.value)
        if expected != (deal and (deal.version, deal.value)):
            yield f"Deal {key} was left at {expected} and is {deal} in the table."


def _unsent(evidence: Evidence) -> Iterator[str]:
    for step in evidence.aftermath.trail:
        if step.kind == "delete" or step.value in evidence.seeded:
            continue
        attempts = evidence.attempts.get(step.value, [])
        if not attempts:
            yield f"Deal {step.key} was given {step.value} at version {step.version}, which nobody has sent."
        elif all(attempt.outcome is Outcome.FAIL for attempt in attempts):
            yield f"Deal {step.key} was given {step.value}, though the answer was {_answers(attempts)}."


def _unsent_removals(evidence: Evidence) -> Iterator[str]:
    for key, steps in evidence.steps.items():
        is_sent = any(attempt.outcome is not Outcome.FAIL for attempt in evidence.removals.get(key, []))
        if steps[-1].kind == "delete" and not is_sent:
            yield f"Deal {key} was removed, though nobody was told so, nor left in doubt."


def _written_twice(evidence: Evidence) -> Iterator[str]:
    keyed = {one.sent for one in evidence.operations if one.idempotency_key is not None}
    written = Counter(step.value for step in evidence.aftermath.trail if step.kind != "delete")
    for value, times in written.items():
        if times > 1 and value not in keyed:  # one_effect_a_key tells of those
            yield f"{value} was sent once and written {times} times."


def _answers(attempts: list[Operation]) -> str:
    return " and ".join(sorted({f"{attempt.status or 'none'} {attempt.code or ''}".strip() for attempt in attempts}))
