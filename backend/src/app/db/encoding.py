"""Case folding, and the encodings and locales of databases that support it (ADR 13)."""

from typing import Final

from sqlalchemy import Connection, Function, func, text
from sqlalchemy.sql.roles import ExpressionElementRole

FOLD: Final = "upper(lower({}))"
"""SQL for text whose case does not count.

`lower` alone distinguishes the two small sigmas, and `upper` alone ß from ẞ where upper('ß') is SS. Indexes contain the
expression, so a change of it needs a migration.
"""

_EQUAL: Final = ("Ii", "Éé", "Жж", "Σς", "ẞß")
_BUILTIN_LOCALE_VERSION: Final = 170_000

_FACTS: Final = text(
    "SELECT pg_encoding_to_char(encoding), current_setting('server_version_num')::int"
    " FROM pg_database WHERE datname = current_database()"
)
_IS_FOLDED: Final = text(
    f"SELECT bool_and({FOLD.format('chr(a)')} = {FOLD.format('chr(b)')})"  # noqa: S608  only constants of this file
    " FROM unnest(CAST(:first AS int[]), CAST(:second AS int[])) AS pairs (a, b)"
)


class UnsupportedDatabaseError(Exception):
    """The encoding or the locale of the database is not supported. The message is one sentence."""


def fold(expression: ExpressionElementRole[str]) -> Function[str]:
    """The expression with its case folded."""
    return func.upper(func.lower(expression))


def check_encoding(connection: Connection) -> None:
    """Raise UnsupportedDatabaseError unless the database has the encoding UTF8 and a locale that folds as Unicode."""
    encoding, version = connection.execute(_FACTS).one()
    if encoding != "UTF8":
        raise UnsupportedDatabaseError(_format_message(f"The encoding of the database is {encoding}", version))
    first, second = ([ord(pair[index]) for pair in _EQUAL] for index in (0, 1))
    if not connection.scalar(_IS_FOLDED, {"first": first, "second": second}):
        problem = "The locale of the database does not fold the case of all letters by the rules of Unicode"
        raise UnsupportedDatabaseError(_format_message(problem, version))


def _format_message(problem: str, version: int) -> str:
    builtin = "LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
    locale = builtin if version >= _BUILTIN_LOCALE_VERSION else "LOCALE 'C.UTF-8'"
    command = f"CREATE DATABASE deals_utf8 ENCODING 'UTF8' {locale} TEMPLATE template0"
    return f"{problem}: create another one with `{command}`, and set DATABASE_URL to it."
