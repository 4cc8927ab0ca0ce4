"""Text that passed our checks and not the database's: its Unicode may be newer and compose more than Python's."""

from collections.abc import Callable
from functools import partial

from app.errors import AppError, InvalidError, Problem


def plain_text_rules(table: str, **fields: str) -> dict[str, Callable[[], AppError]]:
    """For `violations`: what it means that a column of `table` keeps its text plain; each column with its field."""
    return {
        f"ck_{table}_{column}_is_plain": partial(InvalidError, details=[Problem(field, "must be in Unicode's NFC")])
        for column, field in fields.items()
    }
