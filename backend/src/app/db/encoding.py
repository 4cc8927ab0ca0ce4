"""Case folding, by one definition for statements, indexes and imports (ADR 13)."""

from typing import Final

from sqlalchemy import Function, func
from sqlalchemy.sql.roles import ExpressionElementRole

FOLD: Final = "upper(lower({}))"
"""SQL for text whose case does not count.

`lower` alone distinguishes the two small sigmas, and `upper` alone ß from ẞ where upper('ß') is SS. Indexes contain the
expression, so a change of it needs a migration.
"""


def fold(expression: ExpressionElementRole[str]) -> Function[str]:
    """The expression with its case folded."""
    return func.upper(func.lower(expression))
