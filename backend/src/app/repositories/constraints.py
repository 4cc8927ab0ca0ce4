"""Text that passed our checks and not the database's: its Unicode may be newer and compose more than Python's."""

from collections.abc import Callable
from functools import partial

from app.errors import AppError, ErrorDetail, InvalidError


def plain_text_rules(table: str, **fields: str) -> dict[str, Callable[[], AppError]]:
    """Rules for `map_constraint_errors`: the plain-text check of each column of `table`, by the name of its field."""
    return {
        f"ck_{table}_{column}_is_plain": partial(InvalidError, details=[ErrorDetail(field, "must be in Unicode's NFC")])
        for column, field in fields.items()
    }
