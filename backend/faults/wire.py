"""As much of PostgreSQL's protocol as it takes to see a COMMIT go by."""

from collections.abc import Iterator
from typing import Final

_LENGTH: Final = 4
_REQUESTS: Final = (80877103, 80877104)
"""What may come before the start-up message: a client asks for encryption."""


class Messages:
    """Cuts what a client sends into whole messages. They put together again are what it sent."""

    def __init__(self) -> None:
        self._received = b""
        self._has_started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that end in `data`; the rest is kept for later."""
        self._received += data
        while (end := self._end_of_first()) is not None:
            message, self._received = self._received[:end], self._received[end:]
            self._has_started = self._has_started or int.from_bytes(message[4:8]) not in _REQUESTS
            yield message

    def _end_of_first(self) -> int | None:
        start = 1 if self._has_started else 0  # before the start-up a message does not say what kind it is
        header = start + _LENGTH
        if len(self._received) < header:
            return None
        end = start + int.from_bytes(self._received[start:header])
        return end if len(self._received) >= end else None


def is_commit(message: bytes) -> bool:
    """Whether it asks the server for a COMMIT, at once or as a statement to prepare."""
    kind, body = message[:1], message[5:]
    if kind == b"P":
        _name, _, body = body.partition(b"\0")
    return kind in {b"Q", b"P"} and body.lstrip().upper().startswith(b"COMMIT")
