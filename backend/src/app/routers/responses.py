"""How an endpoint's errors stand in the OpenAPI document."""

from typing import Any, Final

from app.errors import (
    AppError,
    BadRequestError,
    ForbiddenError,
    HeadersTooLargeError,
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    InvalidError,
    MalformedJsonError,
    PayloadTooLargeError,
    RateLimitedError,
    RequestTimeoutError,
    ServiceUnavailableError,
    UnauthorizedError,
    UnknownParameterError,
    UnsupportedMediaTypeError,
)
from app.schemas.errors import ErrorAnswer

BAD_BODY: Final = (MalformedJsonError, PayloadTooLargeError, RequestTimeoutError, UnsupportedMediaTypeError)
"""What every endpoint with a body may answer besides."""
REUSED_KEY: Final = (IdempotencyInProgressError, IdempotencyKeyReusedError)
"""What every endpoint with an Idempotency-Key may answer besides."""
KEYED: Final = (UnauthorizedError, ForbiddenError, RateLimitedError)
"""What every endpoint that changes something may answer besides."""
_ANYWHERE: Final[tuple[type[AppError], ...]] = (
    BadRequestError,
    InvalidError,
    UnknownParameterError,
    HeadersTooLargeError,
    AppError,
)
_TAG: Final = {"ETag": {"description": "Of the content; `If-None-Match` repeats it.", "schema": {"type": "string"}}}


def reads(*kinds: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """`responses=` for a GET of data: the errors as below, and that the client may have the answer already."""
    unchanged = {"description": "What the client has, by its `If-None-Match`, is still so.", "headers": _TAG}
    return {200: {"headers": _TAG}, 304: unchanged, **errors(*kinds)}


def errors(*kinds: type[AppError], with_database: bool = True, limited: bool = True) -> dict[int | str, dict[str, Any]]:
    """`responses=` for an endpoint that can give these errors, each with an example in the service's shape.

    What every endpoint may answer, every one that asks the database, and every one that is limited, is added.
    """
    more: tuple[type[AppError], ...] = ((ServiceUnavailableError,) if with_database else ()) + (
        (RateLimitedError,) if limited else ()
    )
    answers: dict[int | str, dict[str, Any]] = {}
    for kind in dict.fromkeys((*kinds, *_ANYWHERE, *more)):
        answer = answers.setdefault(kind.status, {"model": ErrorAnswer, "description": kind.sentence})
        if kind.sentence not in answer["description"]:
            answer["description"] += f" Or: {kind.sentence}"
        examples = answer.setdefault("content", {"application/json": {"examples": {}}})["application/json"]["examples"]
        examples[kind.code] = {
            "value": {"error": {"code": kind.code, "message": kind.sentence, "request_id": "7f3c1e"}}
        }
    return answers
