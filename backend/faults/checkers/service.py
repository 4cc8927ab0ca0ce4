"""Properties of the service as a whole: idempotency keys, responses, rollups, resources and recovery."""

from collections import Counter
from collections.abc import Iterator

from faults.history import Operation, Outcome
from faults.observations import Observations


def idempotency_keys_apply_once(observations: Observations) -> list[str]:
    """Requests under one key take effect once, or not at all if none was acknowledged; all responses are identical."""
    inserts = Counter(record.value for record in observations.final_state.audit_trail if record.kind == "insert")
    return [
        violation
        for key, attempts in observations.operations_by_idempotency_key.items()
        for violation in _check_key(
            key, attempts, sum(inserts[value] for value in {one.sent for one in attempts} if value)
        )
    ]


def _check_key(key: str, attempts: list[Operation], effects: int) -> Iterator[str]:
    acknowledged = [attempt for attempt in attempts if attempt.outcome is Outcome.OK]
    if effects > 1 or (acknowledged and effects == 0):
        yield f"{key} was sent {len(attempts)} times and had {effects} effects."
    if len({(one.status, one.digest) for one in acknowledged}) > 1:
        yield f"{key} had different responses: {', '.join(sorted({str(one.digest) for one in acknowledged}))}."
    if len({one.sent for one in acknowledged}) > 1:
        yield f"{key} was accepted for two bodies: {' and '.join(sorted({str(one.sent) for one in acknowledged}))}."
    if (originals := sum(not one.replayed for one in acknowledged)) > 1:
        yield f"{key} had {originals} responses without the replay header."


def responses_are_well_formed(observations: Observations) -> list[str]:
    """Every request gets a response in time, none is a 500, and all errors have the documented format."""
    defects = Counter((one.defect, one.kind, one.status) for one in observations.operations if one.defect is not None)
    return [
        f"{kind} ({status or 'none'}): {defect}, {times} times." for (defect, kind, status), times in defects.items()
    ]


def rollups_match_deals(observations: Observations) -> list[str]:
    """The rollups are the sums over the deals."""
    return [f"A rollup differs from the deals: {row}." for row in observations.final_state.rollup_mismatches]


def no_resource_leaks(observations: Observations) -> list[str]:
    """Idle workers hold no busy database session, lack no pool connection, and leak no file descriptor."""
    state = observations.final_state
    return [
        *(f"An idle worker has a busy database session ({session})." for session in state.busy_sessions),
        *(
            f"{worker.name} can use {usable} of the {worker.pool_size} connections in its {pool} pool."
            for worker in state.resources
            for pool, usable in worker.usable_connections.items()
            if usable < worker.pool_size
        ),
        *(
            f"{worker.name} has {worker.descriptors} open descriptors while idle, more than {worker.max_descriptors}."
            for worker in state.resources
            if worker.descriptors > worker.max_descriptors
        ),
    ]


def workers_recover(observations: Observations) -> list[str]:
    """Every worker serves requests again after the faults were healed."""
    recovery = observations.final_state.recovery_seconds
    return [
        f"{worker} did not recover after the last fault." for worker, seconds in recovery.items() if seconds is None
    ]
