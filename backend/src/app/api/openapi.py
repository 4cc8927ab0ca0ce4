"""Parts of the OpenAPI document that FastAPI does not derive: error responses, query parameters, security."""

from typing import Any, Final

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

Responses = dict[int | str, dict[str, Any]]

BODY_ERRORS: Final = (MalformedJsonError, PayloadTooLargeError, RequestTimeoutError, UnsupportedMediaTypeError)
"""Additional errors of endpoints with a request body."""
IDEMPOTENCY_ERRORS: Final = (IdempotencyInProgressError, IdempotencyKeyReusedError)
"""Additional errors of endpoints with an Idempotency-Key."""
AUTH_ERRORS: Final = (UnauthorizedError, ForbiddenError, RateLimitedError)
"""Additional errors of endpoints that need an API key."""
_COMMON_ERRORS: Final[tuple[type[AppError], ...]] = (
    BadRequestError,
    InvalidError,
    UnknownParameterError,
    HeadersTooLargeError,
    AppError,
)
_ETAG: Final = {"ETag": {"description": "Weak tag of the content, for `If-None-Match`.", "schema": {"type": "string"}}}


def read_responses(*errors: type[AppError]) -> Responses:
    """`responses=` of a GET endpoint: the ETag, 304, and error responses."""
    not_modified = {"description": "Unchanged since the response with the ETag in `If-None-Match`.", "headers": _ETAG}
    return {200: {"headers": _ETAG}, 304: not_modified, **error_responses(*errors)}


def error_responses(*errors: type[AppError], uses_database: bool = True, rate_limited: bool = True) -> Responses:
    """`responses=` with an example of each of these errors, and of those that every endpoint may return."""
    kinds = [*errors, *_COMMON_ERRORS]
    kinds += [ServiceUnavailableError] if uses_database else []
    kinds += [RateLimitedError] if rate_limited else []
    responses: Responses = {}
    for kind in dict.fromkeys(kinds):
        line = f"`{kind.code}`: {kind.default_message}"
        response = responses.setdefault(kind.status, {"model": ErrorResponse, "description": line})
        if line != response["description"]:
            response["description"] += f"  \n{line}"
        content = response.setdefault("content", {"application/json": {"examples": {}}})
        content["application/json"]["examples"][kind.code] = {"value": _error_example(kind)}
    return responses


def _error_example(kind: type[AppError]) -> dict[str, Any]:
    return {"error": {"code": kind.code, "message": kind.default_message, "request_id": "7f3c1e"}}


def query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """The OpenAPI parameters for the fields of a query model, with the definitions of enums inlined."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    parameters = []
    for name, field in schema["properties"].items():
        definition = definitions.get(field.pop("$ref", "").rpartition("/")[2], {})
        if field.get("default") is None:  # null cannot be sent
            field.pop("default", None)
        parameter = {"name": name, "in": "query", "required": False, "schema": definition | field}
        if "description" in field:
            parameter["description"] = field["description"]
        parameters.append(parameter)
    return parameters


def set_security(document: dict[str, Any], *, api_keys_enabled: bool) -> dict[str, Any]:
    """State for each operation whether it needs an API key: `security: []` means that it needs none."""
    if not api_keys_enabled:
        document["components"].pop("securitySchemes", None)
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["security"] = operation.get("security", []) if api_keys_enabled else []
    return document
