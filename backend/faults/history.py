"""The history: one record for each operation of a client, with one of three outcomes."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from faults.catalogue import Value


class Kind(StrEnum):
    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Outcome(StrEnum):
    OK = "ok"
    """The operation took effect."""
    FAIL = "fail"
    """The operation did not take effect and never will."""
    UNKNOWN = "unknown"
    """The operation may have taken effect, may still do so, or never will: a timeout, say. Jepsen's `:info`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request and its response. Times are seconds of the machine's monotonic clock."""

    process: int
    """The logical process: it runs one operation at a time, and gets a new number after an unknown outcome."""
    kind: Kind
    start: float
    end: float
    outcome: Outcome
    deal_id: int | None = None
    """From the request, or from the response to a creation."""
    sent: Value | None = None
    """The value of a write, unique except for repetitions under one idempotency key."""
    expected_version: int | None = None
    """The version on which the write was conditional."""
    version: int | None = None
    """From the response."""
    returned: Value | None = None
    """The value in the response."""
    idempotency_key: str | None = None
    replayed: bool = False
    status: int | None = None
    error_code: str | None = None
    digest: str | None = None
    """A digest of the response body."""
    defect: str | None = None
    """A fault of the response that no request could justify."""

    @property
    def is_write(self) -> bool:
        return self.kind is not Kind.READ

    @property
    def is_acknowledged_write(self) -> bool:
        return self.is_write and self.outcome is Outcome.OK


@dataclass(slots=True)
class History:
    """All operations, in the order of their completion."""

    operations: list[Operation] = field(default_factory=list)
    acknowledged: int = 0
    """The number of acknowledged writes."""
    last_acknowledged: float = 0.0
    """The time of the latest acknowledged write."""

    def add(self, operation: Operation) -> None:
        self.operations.append(operation)
        if operation.is_acknowledged_write:
            self.acknowledged += 1
            self.last_acknowledged = operation.end

    def save(self, file: Path) -> None:
        """Write the operations as JSON lines."""
        with file.open("w") as lines:
            lines.writelines(json.dumps(asdict(operation)) + "\n" for operation in self.operations)
