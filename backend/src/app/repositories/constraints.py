"""Constraint rules that several tables share."""

from collections.abc import Callable
from functools import partial

from app.errors import AppError, ErrorDetail, InvalidError


def plain_text_rules(table: str, **fields: str) -> dict[str, Callable[[], AppError]]:
    """Rules for `map_constraint_errors`: the plain-text check of each column of `table`, by request field.

    Validated text can violate the check if PostgreSQL's Unicode version is newer than Python's: NFC differs then.
    """
    return {
        f"ck_{table}_{column}_is_plain": partial(InvalidError, details=[ErrorDetail(field, "must be in Unicode NFC")])
        for column, field in fields.items()
    }
