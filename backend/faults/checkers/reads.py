"""What the service shows is what was committed, and never older than what somebody has been shown before."""

from collections.abc import Iterator
from dataclasses import dataclass

from faults.evidence import Evidence
from faults.history import Kind, Operation, Outcome

_NOT_FOUND = 404


def reads_are_true(evidence: Evidence) -> list[str]:
    """Every answer shows a value that its version had; no read is behind an answer that came before it was asked."""
    shown = (one for one in evidence.operations if one.seen is not None)
    behind = (sentence for told in evidence.by_deal.values() for sentence in _behind(evidence, told))
    return [*(sentence for one in shown for sentence in _untrue(evidence, one)), *behind]


def _untrue(evidence: Evidence, shown: Operation) -> Iterator[str]:
    committed = evidence.values.get((shown.key or 0, shown.version or 0))
    if committed is None:
        yield f"Deal {shown.key} was shown at version {shown.version}, which was never committed."
    elif committed != shown.seen:
        yield f"Deal {shown.key} at version {shown.version} was shown as {shown.seen} and is {committed}."


@dataclass(frozen=True, slots=True)
class _Known:
    """The newest of a deal that anybody had been told by some moment."""

    version: int = 0
    is_removed: bool = False


def _behind(evidence: Evidence, told: list[Operation]) -> Iterator[str]:
    """`told` is about one deal, in the order of the answers; reads go through it in the order of their questions."""
    known, answers = _Known(), iter(told)
    following = next(answers, None)
    for read in sorted((one for one in told if _is_look(one)), key=lambda one: one.start):
        while following is not None and following.end < read.start:
            known, following = _learned(known, following), next(answers, None)
        yield from _older(evidence, read, known)


def _is_look(one: Operation) -> bool:
    return one.kind is Kind.READ and (one.outcome is Outcome.OK or one.status == _NOT_FOUND)


def _learned(known: _Known, told: Operation) -> _Known:
    if told.kind is Kind.REMOVE and told.outcome is Outcome.OK:
        return _Known(known.version, is_removed=True)
    if told.outcome is Outcome.OK:
        return _Known(max(known.version, told.version or 0), known.is_removed)
    return known


def _older(evidence: Evidence, read: Operation, known: _Known) -> Iterator[str]:
    if read.outcome is not Outcome.OK:
        if known.version and not _may_be_removed(evidence, read):
            yield f"Deal {read.key} was not found, though version {known.version} was known, and nobody removed it."
    elif known.is_removed:
        yield f"Deal {read.key} was shown after its removal was acknowledged."
    elif (read.version or 0) < known.version:
        yield f"Deal {read.key} was shown at version {read.version} after version {known.version} was known."


def _may_be_removed(evidence: Evidence, read: Operation) -> bool:
    removals = evidence.removals.get(read.key or 0, [])
    return any(removal.start < read.end and removal.outcome is not Outcome.FAIL for removal in removals)
