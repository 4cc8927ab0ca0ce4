"""The checkers on constructed observations: each detects its violations and accepts valid histories."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from faults.catalogue import Value
from faults.checkers import run_checkers
from faults.final_state import AuditRecord, FinalState, StoredDeal
from faults.history import Kind, Operation, Outcome
from faults.observations import Observations

INITIAL, A, B, C = (Value.from_token(token) for token in (1, 2, 3, 4))
INITIAL_RECORD: Final = AuditRecord(1, "insert", 1, INITIAL)
NOT_FOUND: Final = {"outcome": Outcome.FAIL, "status": 404, "error_code": "deal_not_found"}
NO_RESPONSE: Final = {"outcome": Outcome.UNKNOWN, "status": None}


def operation(kind: Kind, start: float, end: float, **fields: Any) -> Operation:
    defaults = {"process": 1, "kind": kind, "start": start, "end": end, "outcome": Outcome.OK, "deal_id": 1}
    return Operation(**{**defaults, **fields})


def update(start: float, end: float, value: Value, version: int | None, **fields: Any) -> Operation:
    returned = None if version is None else value
    defaults = {"sent": value, "returned": returned, "version": version, "status": 200}
    return operation(Kind.UPDATE, start, end, **{**defaults, **fields})


def read(start: float, end: float, value: Value, version: int) -> Operation:
    return operation(Kind.READ, start, end, returned=value, version=version, status=200)


def delete(start: float, end: float, **fields: Any) -> Operation:
    return operation(Kind.DELETE, start, end, **{"status": 204, **fields})


def updated(version: int, value: Value) -> AuditRecord:
    return AuditRecord(1, "update", version, value)


DELETED: Final = AuditRecord(1, "delete", 2, A)


def find_violations(operations: Sequence[Operation], *records: AuditRecord, **final_state: Any) -> dict[str, list[str]]:
    """The violations for a trail of deal 1 after its creation. By default, the table matches the trail."""
    trail = [INITIAL_RECORD, *records]
    deals = {} if trail[-1].kind == "delete" else {1: StoredDeal(trail[-1].version, trail[-1].value)}
    state = FinalState(**{"deals": deals, "audit_trail": trail, **final_state})
    violations = run_checkers(Observations(operations, state, frozenset({INITIAL})))
    return {name: found for name, found in violations.items() if found}


def test_valid_history_has_no_violations() -> None:
    operations = [
        update(0, 1, A, 2, expected_version=1),
        read(0.5, 2, INITIAL, 1),  # started before the update was acknowledged
        read(0.6, 1.5, A, 2),
        update(2, 3, B, None, **NO_RESPONSE),  # took effect
        update(3, 4, C, None, outcome=Outcome.FAIL, status=409),
        read(4, 5, B, 3),
    ]
    assert find_violations(operations, updated(2, A), updated(3, B)) == {}


def test_write_of_unknown_outcome_without_effect_is_valid() -> None:
    assert find_violations([update(0, 1, A, None, **NO_RESPONSE), read(2, 3, INITIAL, 1)]) == {}


def test_404_after_deletion_is_valid() -> None:
    operations = [
        update(0, 1, A, 2),
        delete(2, 3),
        operation(Kind.READ, 2.5, 2.8, **NOT_FOUND),
        update(4, 5, B, None, **NOT_FOUND),
        operation(Kind.READ, 4, 5, **NOT_FOUND),
    ]
    assert find_violations(operations, updated(2, A), DELETED) == {}


def test_two_attempts_to_write_one_value_are_two_operations() -> None:
    """A failed attempt does not rule out that another attempt with the same value took effect."""
    failed = update(0, 1, A, None, outcome=Outcome.FAIL, status=503)
    assert find_violations([failed, replace(failed, outcome=Outcome.UNKNOWN)], updated(2, A)) == {}


INVALID: Final[Sequence[tuple[str, str, list[Operation], list[AuditRecord]]]] = [
    ("acknowledged_writes_persist", "is not committed", [update(0, 1, A, 2)], []),
    ("acknowledged_writes_persist", "deletion", [delete(0, 1)], []),
    ("one_update_per_version", "produced version 2", [update(0, 1, A, 2), update(0, 1, B, 2)], [updated(2, A)]),
    (
        "one_update_per_version",
        "replaced version 1",
        [update(0, 1, A, 2, expected_version=1), update(0, 1, B, 3, expected_version=1)],
        [updated(2, A), updated(3, B)],
    ),
    ("no_unexpected_writes", "no client sent", [], [updated(2, A)]),
    (
        "no_unexpected_writes",
        "the response was 503 service_unavailable",
        [update(0, 1, A, None, outcome=Outcome.FAIL, status=503, error_code="service_unavailable")],
        [updated(2, A)],
    ),
    (
        "no_unexpected_writes",
        "written 2 times",
        [update(0, 1, A, None, **NO_RESPONSE)],
        [updated(2, A), updated(3, A)],
    ),
    ("no_unexpected_writes", "was deleted", [update(0, 1, A, 2)], [updated(2, A), DELETED]),
    (
        "versions_follow_real_time",
        "was acknowledged before",
        [update(0, 1, A, 3), update(2, 3, B, 2)],
        [updated(2, B), updated(3, A)],
    ),
    ("reads_are_consistent", "never committed", [read(0, 1, A, 2)], []),
    ("reads_are_consistent", "A response has", [update(0, 1, A, 2), read(0, 1, B, 2)], [updated(2, A)]),
    ("reads_are_consistent", "after version 2", [update(0, 1, A, 2), read(2, 3, INITIAL, 1)], [updated(2, A)]),
    (
        "reads_are_consistent",
        "after version 2",
        [update(0, 9, A, 2), read(1, 2, A, 2), read(3, 4, INITIAL, 1)],
        [updated(2, A)],
    ),
    (
        "reads_are_consistent",
        "after its deletion",
        [update(0, 1, A, 2), delete(2, 3), read(4, 5, A, 2)],
        [updated(2, A), DELETED],
    ),
    (
        "reads_are_consistent",
        "returned 404",
        [update(0, 1, A, 2), operation(Kind.READ, 2, 3, **NOT_FOUND)],
        [updated(2, A)],
    ),
    ("versions_have_no_gaps", "3 instead of 2", [update(0, 1, A, 3)], [updated(3, A)]),
    (
        "responses_are_well_formed",
        "500",
        [update(0, 1, A, None, outcome=Outcome.UNKNOWN, status=500, defect="status 500")],
        [],
    ),
]


@pytest.mark.parametrize(("checker", "violation", "operations", "records"), INVALID)
def test_violation_is_detected(
    checker: str, violation: str, operations: list[Operation], records: list[AuditRecord]
) -> None:
    violations = find_violations(operations, *records)
    assert checker in violations, violations
    assert violation in " ".join(violations[checker])


def created(start: float, **fields: Any) -> Operation:
    defaults = {
        "deal_id": 2,
        "sent": A,
        "returned": A,
        "version": 1,
        "status": 201,
        "idempotency_key": "k",
        "digest": "x",
    }
    return operation(Kind.CREATE, start, start + 1, **{**defaults, **fields})


CREATED_RECORD: Final = AuditRecord(2, "insert", 1, A)
LOST_RESPONSE: Final = {**NO_RESPONSE, "deal_id": None, "returned": None, "version": None, "digest": None}


def test_replayed_responses_are_valid() -> None:
    replayed = created(1, replayed=True)
    reused = created(2, sent=B, outcome=Outcome.FAIL, status=422, deal_id=None, returned=None, version=None)
    table = {1: StoredDeal(1, INITIAL), 2: StoredDeal(1, A)}
    operations = [created(0, **LOST_RESPONSE), replayed, replayed, reused]
    assert find_violations(operations, CREATED_RECORD, deals=table) == {}


@pytest.mark.parametrize(
    ("violation", "operations", "records"),
    [
        ("had 2 effects", [created(0), created(1, replayed=True)], [CREATED_RECORD, AuditRecord(3, "insert", 1, A)]),
        ("had 0 effects", [created(0)], []),
        ("different responses", [created(0), created(1, replayed=True, digest="y")], [CREATED_RECORD]),
        ("for two bodies", [created(0), created(1, replayed=True, sent=B)], [CREATED_RECORD]),
        ("without the replay header", [created(0), created(1)], [CREATED_RECORD]),
    ],
)
def test_idempotency_key_with_two_effects_or_responses_is_detected(
    violation: str, operations: list[Operation], records: list[AuditRecord]
) -> None:
    assert violation in " ".join(find_violations(operations, *records)["idempotency_keys_apply_once"])


def test_table_that_differs_from_audit_trail_is_detected() -> None:
    violations = find_violations([update(0, 1, A, 2)], updated(2, A), deals={1: StoredDeal(1, INITIAL)})
    assert "the table has" in " ".join(violations["acknowledged_writes_persist"])


def test_worker_that_does_not_recover_is_detected() -> None:
    violations = find_violations([], recovery_seconds={"worker 0": 0.1, "worker 1": None})
    assert violations == {"workers_recover": ["worker 1 did not recover after the last fault."]}
