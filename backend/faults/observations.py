"""The checkers' input: the history and the final state, with the groupings that several checkers use."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from faults.catalogue import Value
from faults.final_state import AuditRecord, FinalState
from faults.history import Kind, Operation

Key = TypeVar("Key")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Observations:
    operations: Sequence[Operation]
    final_state: FinalState
    initial_values: frozenset[Value] = frozenset()
    """The values of the deals before the first operation."""

    @cached_property
    def acknowledged_writes(self) -> list[Operation]:
        return [operation for operation in self.operations if operation.is_acknowledged_write]

    @cached_property
    def acknowledged_updates(self) -> list[Operation]:
        return [write for write in self.acknowledged_writes if write.kind is Kind.UPDATE]

    @cached_property
    def writes_by_value(self) -> Mapping[Value, list[Operation]]:
        """All attempts to write a value."""
        return group((operation.sent, operation) for operation in self.operations if operation.sent is not None)

    @cached_property
    def deletes_by_deal(self) -> Mapping[int, list[Operation]]:
        """All attempts to delete a deal."""
        deletes = (operation for operation in self.operations if operation.kind is Kind.DELETE)
        return group((operation.deal_id or 0, operation) for operation in deletes)

    @cached_property
    def audit_by_deal(self) -> Mapping[int, list[AuditRecord]]:
        return group((record.deal_id, record) for record in self.final_state.audit_trail)

    @cached_property
    def committed_values(self) -> Mapping[tuple[int, int], Value]:
        """By deal and version."""
        trail = self.final_state.audit_trail
        return {(record.deal_id, record.version): record.value for record in trail if record.kind != "delete"}

    @cached_property
    def operations_by_deal(self) -> Mapping[int, list[Operation]]:
        """In the order of completion, reads with a 404 included."""
        known = (operation for operation in self.operations if operation.deal_id is not None)
        return group((operation.deal_id or 0, operation) for operation in sorted(known, key=lambda one: one.end))

    @cached_property
    def operations_by_idempotency_key(self) -> Mapping[str, list[Operation]]:
        keyed = (operation for operation in self.operations if operation.idempotency_key is not None)
        return group((operation.idempotency_key or "", operation) for operation in keyed)


def group(pairs: Iterable[tuple[Key, Item]]) -> dict[Key, list[Item]]:
    """The items of each key, in their order."""
    groups: dict[Key, list[Item]] = defaultdict(list)
    for key, item in pairs:
        groups[key].append(item)
    return groups
