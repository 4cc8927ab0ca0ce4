"""The history and the aftermath side by side, arranged by what the checkers ask of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from faults.aftermath import Aftermath, Step
from faults.catalogue import Value
from faults.history import Kind, Operation, Outcome

Key = TypeVar("Key")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Evidence:
    """Everything there is to judge."""

    operations: Sequence[Operation]
    aftermath: Aftermath
    seeded: frozenset[Value] = frozenset()
    """What was there before anybody asked for anything."""

    @cached_property
    def acknowledged(self) -> list[Operation]:
        """Writes that were told to have happened."""
        return [operation for operation in self.operations if operation.is_write and operation.outcome is Outcome.OK]

    @cached_property
    def attempts(self) -> Mapping[Value, list[Operation]]:
        """All attempts to write a value."""
        return _grouped((operation.sent, operation) for operation in self.operations if operation.sent is not None)

    @cached_property
    def removals(self) -> Mapping[int, list[Operation]]:
        """All attempts to remove a deal."""
        removals = (operation for operation in self.operations if operation.kind is Kind.REMOVE)
        return _grouped((operation.key or 0, operation) for operation in removals)

    @cached_property
    def steps(self) -> Mapping[int, list[Step]]:
        """The trail of each deal."""
        return _grouped((step.key, step) for step in self.aftermath.trail)

    @cached_property
    def values(self) -> Mapping[tuple[int, int], Value]:
        """What each deal was at each of its versions."""
        return {(step.key, step.version): step.value for step in self.aftermath.trail if step.kind != "delete"}

    @cached_property
    def by_deal(self) -> Mapping[int, list[Operation]]:
        """What was told about each deal, reads that found none included, in the order of the answers."""
        about = (operation for operation in self.operations if operation.key is not None)
        return _grouped((operation.key or 0, operation) for operation in sorted(about, key=lambda one: one.end))

    @cached_property
    def by_idempotency_key(self) -> Mapping[str, list[Operation]]:
        keyed = (operation for operation in self.operations if operation.idempotency_key is not None)
        return _grouped((operation.idempotency_key or "", operation) for operation in keyed)


def _grouped(pairs: Iterable[tuple[Key, Item]]) -> dict[Key, list[Item]]:
    groups: dict[Key, list[Item]] = defaultdict(list)
    for key, item in pairs:
        groups[key].append(item)
    return groups
