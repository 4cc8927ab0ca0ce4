"""What every refusal looks like, whatever was wrong with the request."""

import re
from collections.abc import Iterator
from typing import Final

from app.errors import AppError
from tests.support.raw_http import Answer

_INTERNALS: Final = re.compile(
    r"Traceback|Exception|asyncpg|psycopg|[Ss]ql[Aa]lchemy|[Pp]ydantic|[Ss]tarlette|FastAPI|[Pp]ostgre|\.py\b|\b0x"
    r"|\b(SELECT|INSERT|UPDATE|DELETE|None|NoneType|dict|int|str|datetime|Decimal|Input|should|Value error)\b"
)
_BOUND_OF_KEYS: Final = "9223372036854775808"
_SHORTEST_ECHO: Final = 4


def _family(kind: type[AppError]) -> Iterator[type[AppError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


STATUS_OF: Final = {kind.code: kind.status for kind in _family(AppError)}


def assert_refused(answer: Answer, code: str, *, fields: set[str] | None = None, value: str = "") -> None:
    """The service's error shape with this code; the problems name exactly `fields`; nothing repeats `value`."""
    assert (answer.status, answer.headers["content-type"]) == (STATUS_OF[code], "application/json")
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) - {"details"} == {"code", "message", "request_id"}
    assert (error["code"], error["request_id"]) == (code, answer.headers["x-request-id"])
    problems = error.get("details", [])
    assert all(set(problem) == {"field", "message"} for problem in problems)
    if fields is not None:
        assert {problem["field"].partition(".")[0] for problem in problems} == fields
    said = " ".join([error["message"], *(problem["message"] for problem in problems)])
    assert not _INTERNALS.search(said)
    assert len(value) < _SHORTEST_ECHO or value not in said.replace(_BOUND_OF_KEYS, "")
