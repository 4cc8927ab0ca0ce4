"""What is wrong with a row, in words for whoever mends the file."""

from typing import Final, NamedTuple

SHOWN_LENGTH: Final = 80


class Reject(NamedTuple):
    """One problem of one row; `column` is empty where the row as a whole is wrong."""

    line: int
    """The first line of the row in the file, from 1; the header counts."""
    column: str
    value: str
    reason: str


def shown(text: str) -> str:
    """The start of `text`, with everything that does not print written as an escape."""
    start = "".join(char if char.isprintable() else _escaped(char) for char in text[:SHOWN_LENGTH])
    return start if len(text) <= SHOWN_LENGTH else f"{start}…"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
