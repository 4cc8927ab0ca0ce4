"""How an endpoint's error_responses stand in the OpenAPI document."""

from typing import Annotated, Any, Final

from fastapi import FastAPI, Query
from pydantic import BaseModel

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
from app.schemas.misc import ErrorResponse

BODY_ERRORS: Final = (MalformedJsonError, PayloadTooLargeError, RequestTimeoutError, UnsupportedMediaTypeError)
"""What every endpoint with a body may answer besides."""
IDEMPOTENCY_ERRORS: Final = (IdempotencyInProgressError, IdempotencyKeyReusedError)
"""What every endpoint with an Idempotency-Key may answer besides."""
AUTH_ERRORS: Final = (UnauthorizedError, ForbiddenError, RateLimitedError)
"""What every endpoint that changes something may answer besides."""
_COMMON_ERRORS: Final[tuple[type[AppError], ...]] = (
    BadRequestError,
    InvalidError,
    UnknownParameterError,
    HeadersTooLargeError,
    AppError,
)
_TAG: Final = {"ETag": {"description": "Of the content; `If-None-Match` repeats it.", "schema": {"type": "string"}}}


def read_responses(*kinds: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """`responses=` for a GET of data: the error_responses as below, and that the client may have the answer already."""
    unchanged = {"description": "What the client has, by its `If-None-Match`, is still so.", "headers": _TAG}
    return {200: {"headers": _TAG}, 304: unchanged, **error_responses(*kinds)}


def error_responses(
    *kinds: type[AppError], with_database: bool = True, limited: bool = True
) -> dict[int | str, dict[str, Any]]:
    """`responses=` for an endpoint that can give these error_responses, each with an example in the service's shape.

    What every endpoint may answer, every one that asks the database, and every one that is limited, is added.
    """
    more: tuple[type[AppError], ...] = ((ServiceUnavailableError,) if with_database else ()) + (
        (RateLimitedError,) if limited else ()
    )
    answers: dict[int | str, dict[str, Any]] = {}
    for kind in dict.fromkeys((*kinds, *_COMMON_ERRORS, *more)):
        answer = answers.setdefault(kind.status, {"model": ErrorResponse, "description": kind.default_message})
        if kind.default_message not in answer["description"]:
            answer["description"] += f" Or: {kind.default_message}"
        examples = answer.setdefault("content", {"application/json": {"examples": {}}})["application/json"]["examples"]
        examples[kind.code] = {
            "value": {"error": {"code": kind.code, "message": kind.default_message, "request_id": "7f3c1e"}}
        }
    return answers


_REFERENCE = "#/components/schemas/"


def parameters_of(model: type[BaseModel]) -> list[dict[str, Any]]:
    """One for each field, with the schemas of its types in place."""
    app = FastAPI()

    @app.get("/")
    async def asked(query: Annotated[model, Query()]) -> None:  # type: ignore[valid-type]  # FastAPI read_responses it
        """Stands for the endpoints that take the model."""

    document = app.openapi()
    schemas = document["components"]["schemas"]
    parameters: list[dict[str, Any]] = document["paths"]["/"]["get"]["parameters"]
    return [_spelled_out(parameter, schemas) for parameter in parameters]


def _spelled_out(part: Any, schemas: dict[str, Any]) -> Any:  # noqa: ANN401  any JSON
    if isinstance(part, list):
        return [_spelled_out(each, schemas) for each in part]
    if not isinstance(part, dict):
        return part
    reference = part.get("$ref", "")
    named = schemas[reference.removeprefix(_REFERENCE)] if reference else {}
    return {name: _spelled_out(each, schemas) for name, each in (named | part).items() if name != "$ref"}
