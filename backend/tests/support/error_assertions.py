"""Assertions that hold for every error response."""

import re
from collections.abc import Iterator
from typing import Final

from app.errors import AppError
from tests.support.raw_http import RawResponse

_INTERNALS: Final = re.compile(
    r"Traceback|Exception|asyncpg|psycopg|[Ss]ql[Aa]lchemy|[Pp]ydantic|[Ss]tarlette|FastAPI|[Pp]ostgre|\.py\b|\b0x"
    r"|\b(SELECT|INSERT|UPDATE|DELETE|None|NoneType|dict|int|str|datetime|Decimal|Input|should|Value error)\b"
)
_ID_LIMIT: Final = "9223372036854775808"
"""A bound that messages may contain even if a test sent it."""
_MIN_ECHO_LENGTH: Final = 4


def _subclasses(kind: type[AppError]) -> Iterator[type[AppError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _subclasses(child)


STATUS_BY_CODE: Final = {kind.code: kind.status for kind in _subclasses(AppError)}


def assert_error(response: RawResponse, code: str, *, fields: set[str] | None = None, value: str = "") -> None:
    """Check the error shape and `code`, that the details name exactly `fields`, and that no message repeats `value`."""
    assert (response.status, response.headers["content-type"]) == (STATUS_BY_CODE[code], "application/json")
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) - {"details"} == {"code", "message", "request_id"}
    assert (error["code"], error["request_id"]) == (code, response.headers["x-request-id"])
    details = error.get("details", [])
    assert all(set(detail) == {"field", "message"} for detail in details)
    if fields is not None:
        assert {detail["field"].partition(".")[0] for detail in details} == fields
    text = " ".join([error["message"], *(detail["message"] for detail in details)])
    assert not _INTERNALS.search(text)
    assert len(value) < _MIN_ECHO_LENGTH or value not in text.replace(_ID_LIMIT, "")
