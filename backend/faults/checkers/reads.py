"""Reads return committed values, and never an older version than any client has seen before."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from faults.history import Kind, Operation, Outcome
from faults.observations import Observations


def reads_are_consistent(observations: Observations) -> list[str]:
    """Every response has the committed value of its version; a read reflects all responses that preceded it."""
    uncommitted = (violation for one in observations.operations for violation in _find_uncommitted(observations, one))
    stale = (
        violation
        for operations in observations.operations_by_deal.values()
        for violation in _find_stale(observations, operations)
    )
    return [*uncommitted, *stale]


def _find_uncommitted(observations: Observations, operation: Operation) -> Iterator[str]:
    if operation.returned is None:
        return
    deal_id, version = operation.deal_id, operation.version
    committed = observations.committed_values.get((deal_id or 0, version or 0))
    if committed is None:
        yield f"A response has version {version} of deal {deal_id}, which was never committed."
    elif committed != operation.returned:
        yield f"A response has {operation.returned} as version {version} of deal {deal_id}, which is {committed}."


@dataclass(frozen=True, slots=True)
class _Known:
    """The latest state of a deal that any completed operation has reported."""

    version: int = 0
    is_deleted: bool = False

    def update(self, operation: Operation) -> "_Known":
        if operation.outcome is not Outcome.OK:
            return self
        if operation.kind is Kind.DELETE:
            return _Known(self.version, is_deleted=True)
        return _Known(max(self.version, operation.version or 0), self.is_deleted)


def _find_stale(observations: Observations, operations: list[Operation]) -> Iterator[str]:
    """Compare each read of a deal with the operations that completed before it started, in one pass over both."""
    known, completed = _Known(), iter(operations)
    following = next(completed, None)
    for read in sorted((one for one in operations if _is_conclusive_read(one)), key=lambda one: one.start):
        while following is not None and following.end < read.start:
            known, following = known.update(following), next(completed, None)
        yield from _compare(observations, read, known)


def _is_conclusive_read(operation: Operation) -> bool:
    return operation.kind is Kind.READ and (operation.outcome is Outcome.OK or operation.status == HTTPStatus.NOT_FOUND)


def _compare(observations: Observations, read: Operation, known: _Known) -> Iterator[str]:
    if read.outcome is not Outcome.OK:
        if known.version and not _may_be_deleted(observations, read):
            yield f"A read of deal {read.deal_id} returned 404 after version {known.version} and without a deletion."
    elif known.is_deleted:
        yield f"A read of deal {read.deal_id} succeeded after its deletion was acknowledged."
    elif (read.version or 0) < known.version:
        yield f"A read of deal {read.deal_id} returned version {read.version} after version {known.version}."


def _may_be_deleted(observations: Observations, read: Operation) -> bool:
    deletes = observations.deletes_by_deal.get(read.deal_id or 0, [])
    return any(delete.start < read.end and delete.outcome is not Outcome.FAIL for delete in deletes)
