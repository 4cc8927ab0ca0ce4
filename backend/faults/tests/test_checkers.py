"""The checkers on evidence made by hand: each tells what is wrong, and lets pass what only looks like it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from faults.aftermath import Aftermath, Deal, Step
from faults.catalogue import Value
from faults.checkers import judge
from faults.evidence import Evidence
from faults.history import Kind, Operation, Outcome

SEEDED, A, B, C = (Value.of(token) for token in (1, 2, 3, 4))
ROOT: Final = Step(1, "insert", 1, SEEDED)


def operation(kind: Kind, start: float, end: float, **other: Any) -> Operation:
    return Operation(
        **{"process": 1, "kind": kind, "start": start, "end": end, "outcome": Outcome.OK, "key": 1, **other}
    )


def change(start: float, end: float, value: Value, version: int | None, **other: Any) -> Operation:
    seen = None if version is None else value
    return operation(
        Kind.CHANGE, start, end, **{"sent": value, "seen": seen, "version": version, "status": 200, **other}
    )


def read(start: float, end: float, value: Value, version: int) -> Operation:
    return operation(Kind.READ, start, end, seen=value, version=version, status=200)


def remove(start: float, end: float, **other: Any) -> Operation:
    return operation(Kind.REMOVE, start, end, **{"status": 204, **other})


NOT_FOUND: Final = {"outcome": Outcome.FAIL, "status": 404, "code": "deal_not_found"}
NO_ANSWER: Final = {"outcome": Outcome.UNKNOWN, "status": None}


def found(operations: Sequence[Operation], *steps: Step, **aftermath: Any) -> dict[str, list[str]]:
    """What is wrong if the trail of deal 1 is `steps` and the table agrees with it."""
    trail = [ROOT, *steps]
    deals = {} if trail[-1].kind == "delete" else {1: Deal(trail[-1].version, trail[-1].value)}
    evidence = Evidence(operations, Aftermath(**{"deals": deals, "trail": trail, **aftermath}), frozenset({SEEDED}))
    return {name: sentences for name, sentences in judge(evidence).items() if sentences}


def updated(version: int, value: Value) -> Step:
    return Step(1, "update", version, value)


GONE: Final = Step(1, "delete", 2, A)


def test_a_history_in_good_order_has_no_findings() -> None:
    operations = [
        change(0, 1, A, 2, base=1),
        read(0.5, 2, SEEDED, 1),  # it was asked before the change was answered
        read(0.6, 1.5, A, 2),
        change(2, 3, B, None, **NO_ANSWER),  # it happened all the same
        change(3, 4, C, None, outcome=Outcome.FAIL, status=409),
        read(4, 5, B, 3),
    ]
    assert found(operations, updated(2, A), updated(3, B)) == {}


def test_a_write_that_nobody_knows_of_may_also_not_have_happened() -> None:
    assert found([change(0, 1, A, None, **NO_ANSWER), read(2, 3, SEEDED, 1)]) == {}


def test_a_removal_ends_the_deal() -> None:
    operations = [
        change(0, 1, A, 2),
        remove(2, 3),
        operation(Kind.READ, 2.5, 2.8, **NOT_FOUND),
        change(4, 5, B, None, **NOT_FOUND),
        operation(Kind.READ, 4, 5, **NOT_FOUND),
    ]
    assert found(operations, updated(2, A), GONE) == {}


WRONG: Final[Sequence[tuple[str, str, list[Operation], list[Step]]]] = [
    ("acknowledged_writes_are_kept", "is not there", [change(0, 1, A, 2)], []),
    ("acknowledged_writes_are_kept", "removal", [remove(0, 1)], []),
    ("one_write_a_version", "made version 2", [change(0, 1, A, 2), change(0, 1, B, 2)], [updated(2, A)]),
    (
        "one_write_a_version",
        "were made of version 1",
        [change(0, 1, A, 2, base=1), change(0, 1, B, 3, base=1)],
        [updated(2, A), updated(3, B)],
    ),
    ("nothing_unsent_is_there", "nobody has sent", [], [updated(2, A)]),
    (
        "nothing_unsent_is_there",
        "the answer was 503 service_unavailable",
        [change(0, 1, A, None, outcome=Outcome.FAIL, status=503, code="service_unavailable")],
        [updated(2, A)],
    ),
    (
        "nothing_unsent_is_there",
        "written 2 times",
        [change(0, 1, A, None, **NO_ANSWER)],
        [updated(2, A), updated(3, A)],
    ),
    ("nothing_unsent_is_there", "was removed", [change(0, 1, A, 2)], [updated(2, A), GONE]),
    (
        "versions_follow_time",
        "was there before",
        [change(0, 1, A, 3), change(2, 3, B, 2)],
        [updated(2, B), updated(3, A)],
    ),
    ("reads_are_true", "never committed", [read(0, 1, A, 2)], []),
    ("reads_are_true", "shown as", [change(0, 1, A, 2), read(0, 1, B, 2)], [updated(2, A)]),
    ("reads_are_true", "after version 2", [change(0, 1, A, 2), read(2, 3, SEEDED, 1)], [updated(2, A)]),
    (
        "reads_are_true",
        "after version 2",
        [change(0, 9, A, 2), read(1, 2, A, 2), read(3, 4, SEEDED, 1)],
        [updated(2, A)],
    ),
    (
        "reads_are_true",
        "after its removal",
        [change(0, 1, A, 2), remove(2, 3), read(4, 5, A, 2)],
        [updated(2, A), GONE],
    ),
    (
        "reads_are_true",
        "was not found",
        [change(0, 1, A, 2), operation(Kind.READ, 2, 3, **NOT_FOUND)],
        [updated(2, A)],
    ),
    ("versions_have_no_gap", "3 where 2 comes next", [change(0, 1, A, 3)], [updated(3, A)]),
    (
        "answers_are_sound",
        "500",
        [change(0, 1, A, None, outcome=Outcome.UNKNOWN, status=500, complaint="the service answered 500")],
        [],
    ),
]


@pytest.mark.parametrize(("checker", "told", "operations", "steps"), WRONG)
def test_a_checker_tells_what_is_wrong(checker: str, told: str, operations: list[Operation], steps: list[Step]) -> None:
    findings = found(operations, *steps)
    assert checker in findings, findings
    assert told in " ".join(findings[checker])


def created(start: float, **other: Any) -> Operation:
    made = {"key": 2, "sent": A, "seen": A, "version": 1, "status": 201, "idempotency_key": "k", "answer": "x"}
    return operation(Kind.CREATE, start, start + 1, **{**made, **other})


MADE: Final = Step(2, "insert", 1, A)
LOST: Final = {**NO_ANSWER, "key": None, "seen": None, "version": None, "answer": None}
TABLE: Final = {1: Deal(1, SEEDED), 2: Deal(1, A)}


def test_a_key_is_answered_once_and_then_replayed() -> None:
    again = created(1, replayed=True)
    reused = created(2, sent=B, outcome=Outcome.FAIL, status=422, key=None, seen=None, version=None)
    assert found([created(0, **LOST), again, again, reused], MADE, deals=TABLE) == {}


@pytest.mark.parametrize(
    ("told", "operations", "steps"),
    [
        ("had 2 effects", [created(0), created(1, replayed=True)], [MADE, Step(3, "insert", 1, A)]),
        ("had 0 effects", [created(0)], []),
        ("in different ways", [created(0), created(1, replayed=True, answer="y")], [MADE]),
        ("for two bodies", [created(0), created(1, replayed=True, sent=B)], [MADE]),
        ("not called replays", [created(0), created(1)], [MADE]),
    ],
)
def test_a_key_with_two_effects_or_two_answers_is_told(
    told: str, operations: list[Operation], steps: list[Step]
) -> None:
    assert told in " ".join(found(operations, *steps)["one_effect_a_key"])


def test_a_table_that_is_not_what_the_trail_ends_with_is_told() -> None:
    findings = found([change(0, 1, A, 2)], updated(2, A), deals={1: Deal(1, SEEDED)})
    assert "was left at" in " ".join(findings["acknowledged_writes_are_kept"])


def test_a_worker_that_does_not_come_back_is_told() -> None:
    findings = found([], back_after={"worker 0": 0.1, "worker 1": None})
    assert findings == {"the_service_comes_back": ["worker 1 did not serve any more after all was well."]}


def test_what_is_sent_and_not_yet_written_is_not_taken_for_another_write() -> None:
    """Two attempts at one value are two operations; one that failed does not excuse a value that came from nowhere."""
    failed = change(0, 1, A, None, outcome=Outcome.FAIL, status=503)
    assert found([failed, replace(failed, outcome=Outcome.UNKNOWN)], updated(2, A)) == {}
