"""One idempotency key, one effect, one answer."""

from collections.abc import Iterator

from faults.evidence import Evidence
from faults.history import Operation, Outcome


def one_effect_a_key(evidence: Evidence) -> list[str]:
    """What was sent under one key was done once, or not at all if nobody was told so, and all answers are the same."""
    inserted: dict[object, int] = {}
    for step in evidence.aftermath.trail:
        if step.kind == "insert":
            inserted[step.value] = inserted.get(step.value, 0) + 1
    return [
        sentence
        for key, attempts in evidence.by_idempotency_key.items()
        for sentence in _wrong(key, attempts, sum(inserted.get(value, 0) for value in {one.sent for one in attempts}))
    ]


def _wrong(key: str, attempts: list[Operation], effects: int) -> Iterator[str]:
    done = [attempt for attempt in attempts if attempt.outcome is Outcome.OK]
    if effects > 1 or (done and effects == 0):
        yield f"{key} was sent {len(attempts)} times and had {effects} effects."
    if len({(one.status, one.answer) for one in done}) > 1:
        yield f"{key} was answered in different ways: {', '.join(sorted({str(one.answer) for one in done}))}."
    if len({one.sent for one in done}) > 1:
        yield f"{key} was accepted for two bodies: {' and '.join(sorted({str(one.sent) for one in done}))}."
    if sum(not one.replayed for one in done) > 1:
        yield f"{key} had {sum(not one.replayed for one in done)} answers that were not called replays."
