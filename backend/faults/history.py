"""What the clients did and what they were told: one operation a line, with one of three outcomes."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from faults.catalogue import Value


class Kind(StrEnum):
    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"


class Outcome(StrEnum):
    OK = "ok"
    """It happened."""
    FAIL = "fail"
    """It did not, and never will."""
    UNKNOWN = "unknown"
    """It may have happened, may happen yet, or never: who gets no answer is neither told the one nor the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request and its answer. Times are those of the one monotonic clock of the machine."""

    process: int
    """Who asked. It does one thing after the other, and is another one after an unknown outcome."""
    kind: Kind
    start: float
    end: float
    outcome: Outcome
    key: int | None = None
    """The deal: the one that was asked for, or that the answer tells."""
    sent: Value | None = None
    """What a write writes; no other has the same, except for repetitions under one idempotency key."""
    base: int | None = None
    """The version that it was made to depend on."""
    version: int | None = None
    """The version that the answer tells."""
    seen: Value | None = None
    """The value that the answer tells."""
    idempotency_key: str | None = None
    replayed: bool = False
    status: int | None = None
    code: str | None = None
    """That of the error."""
    answer: str | None = None
    """A digest of the answer's bytes."""
    complaint: str | None = None
    """What is wrong with the answer by itself, whatever was asked."""

    @property
    def is_write(self) -> bool:
        return self.kind is not Kind.READ


@dataclass(slots=True)
class History:
    """All operations, in the order in which they ended."""

    operations: list[Operation] = field(default_factory=list)
    acknowledged: int = 0
    """How many writes were told to have happened."""
    last_acknowledged: float = 0.0
    """When the last of them was."""

    def add(self, operation: Operation) -> None:
        self.operations.append(operation)
        if operation.is_write and operation.outcome is Outcome.OK:
            self.acknowledged += 1
            self.last_acknowledged = operation.end

    def save(self, file: Path) -> None:
        """One JSON object a line, for who wants to look."""
        with file.open("w") as lines:
            lines.writelines(json.dumps(asdict(operation)) + "\n" for operation in self.operations)
