"""How an endpoint's errors stand in the OpenAPI document."""

from typing import Any, Final

from app.errors import (
    AppError,
    InvalidError,
    MalformedJsonError,
    PayloadTooLargeError,
    UnknownParameterError,
    UnsupportedMediaTypeError,
)
from app.schemas.errors import ErrorAnswer

BAD_BODY: Final = (
    MalformedJsonError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
    InvalidError,
    UnknownParameterError,
)
"""What every endpoint with a body may answer."""


def errors(*kinds: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """`responses=` for an endpoint that can give these errors, each with an example in the service's shape."""
    answers: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        answer = answers.setdefault(kind.status, {"model": ErrorAnswer, "description": kind.sentence})
        if kind.sentence not in answer["description"]:
            answer["description"] += f" Or: {kind.sentence}"
        examples = answer.setdefault("content", {"application/json": {"examples": {}}})["application/json"]["examples"]
        examples[kind.code] = {
            "value": {"error": {"code": kind.code, "message": kind.sentence, "request_id": "7f3c1e"}}
        }
    return answers
