"""Versions number the changes of a deal: one each, without a gap, in the order of time."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from faults.aftermath import Step
from faults.evidence import Evidence
from faults.history import Kind, Operation


def one_write_a_version(evidence: Evidence) -> list[str]:
    """No two acknowledged changes made the same version, nor were made of the same one."""
    changes = _changes(evidence)
    made = _by([(one.key, one.version) for one in changes], changes)
    made_of = _by([(one.key, one.base) for one in changes if one.base], [one for one in changes if one.base])
    return [*_doubled(made, "made"), *_doubled(made_of, "were made of"), *_not_the_next(changes)]


def versions_have_no_gap(evidence: Evidence) -> list[str]:
    """The committed versions of every deal are 1, 2, 3, …; its removal is the end."""
    return [sentence for key, steps in evidence.steps.items() for sentence in _gaps(key, steps)]


def versions_follow_time(evidence: Evidence) -> list[str]:
    """If one change of a deal was answered before another one was sent, its version is the lower."""
    by_deal: dict[int | None, list[Operation]] = defaultdict(list)
    for change in _changes(evidence):
        by_deal[change.key].append(change)
    return [sentence for changes in by_deal.values() for sentence in _back_in_time(changes)]


def _changes(evidence: Evidence) -> list[Operation]:
    return [write for write in evidence.acknowledged if write.kind is Kind.CHANGE]


def _by(
    keys: list[tuple[int | None, int | None]], changes: list[Operation]
) -> Mapping[tuple[int | None, int | None], list[Operation]]:
    groups: dict[tuple[int | None, int | None], list[Operation]] = defaultdict(list)
    for key, change in zip(keys, changes, strict=True):
        groups[key].append(change)
    return groups


def _doubled(groups: Mapping[tuple[int | None, int | None], list[Operation]], what: str) -> Iterator[str]:
    for (key, version), changes in groups.items():
        if len(changes) > 1:
            values = " and ".join(str(change.sent) for change in changes)
            yield f"{len(changes)} acknowledged changes of deal {key} {what} version {version}: {values}."


def _not_the_next(changes: list[Operation]) -> Iterator[str]:
    for change in changes:
        if change.base is not None and change.version != change.base + 1:
            yield f"A change of deal {change.key} at version {change.base} only was told to have made {change.version}."


def _gaps(key: int, steps: list[Step]) -> Iterator[str]:
    expected = 1
    for step in steps:
        if step.kind == "delete":
            expected -= 1  # a removal does not raise the version
        if step.version != expected:
            yield f"Deal {key} has version {step.version} where {expected} comes next."
        expected = step.version + 1


def _back_in_time(changes: list[Operation]) -> Iterator[str]:
    latest: Operation | None = None
    for change in sorted(changes, key=lambda one: one.version or 0):
        if latest is not None and change.end < latest.start:
            yield (
                f"Version {change.version} of deal {change.key} was there before "
                f"the change to version {latest.version} was sent."
            )
        if latest is None or change.start > latest.start:
            latest = change
