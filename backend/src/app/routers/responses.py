"""How an endpoint's errors stand in the OpenAPI document."""

from typing import Any, Final

from app.errors import (
    AppError,
    ForbiddenError,
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    InvalidError,
    MalformedJsonError,
    PayloadTooLargeError,
    RateLimitedError,
    ServiceUnavailableError,
    UnauthorizedError,
    UnknownParameterError,
    UnsupportedMediaTypeError,
)
from app.schemas.errors import ErrorAnswer

BAD_BODY: Final = (MalformedJsonError, PayloadTooLargeError, UnsupportedMediaTypeError)
"""What every endpoint with a body may answer besides."""
REUSED_KEY: Final = (IdempotencyInProgressError, IdempotencyKeyReusedError)
"""What every endpoint with an Idempotency-Key may answer besides."""
KEYED: Final = (UnauthorizedError, ForbiddenError, RateLimitedError)
"""What every endpoint that changes something may answer besides."""
_ANYWHERE: Final = (InvalidError, UnknownParameterError, AppError)


def errors(*kinds: type[AppError], with_database: bool = True) -> dict[int | str, dict[str, Any]]:
    """`responses=` for an endpoint that can give these errors, each with an example in the service's shape.

    What every endpoint may answer, and every one that asks the database, is added.
    """
    answers: dict[int | str, dict[str, Any]] = {}
    for kind in dict.fromkeys((*kinds, *_ANYWHERE, *((ServiceUnavailableError,) if with_database else ()))):
        answer = answers.setdefault(kind.status, {"model": ErrorAnswer, "description": kind.sentence})
        if kind.sentence not in answer["description"]:
            answer["description"] += f" Or: {kind.sentence}"
        examples = answer.setdefault("content", {"application/json": {"examples": {}}})["application/json"]["examples"]
        examples[kind.code] = {
            "value": {"error": {"code": kind.code, "message": kind.sentence, "request_id": "7f3c1e"}}
        }
    return answers
