"""Parts of the OpenAPI document that FastAPI does not derive: errors, headers, query parameters, security."""

from collections.abc import Mapping
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
    NotAcceptableError,
    PayloadTooLargeError,
    PreconditionFailedError,
    RateLimitedError,
    RequestTimeoutError,
    ServiceUnavailableError,
    UnauthorizedError,
    UnknownParameterError,
    UnsupportedMediaTypeError,
)
from app.schemas.misc import ErrorResponse

Responses = dict[int | str, dict[str, Any]]

JSON_ERRORS: Final = (NotAcceptableError,)
"""Additional errors of endpoints with a response body."""
_BODY_ERRORS: Final = (
    *JSON_ERRORS,
    *(MalformedJsonError, PayloadTooLargeError, RequestTimeoutError, UnsupportedMediaTypeError),
)
"""Additional errors of endpoints with a request body, which also have a response body."""
AUTH_ERRORS: Final = (UnauthorizedError, ForbiddenError, RateLimitedError)
"""Additional errors of endpoints that need an API key."""
_IDEMPOTENCY_ERRORS: Final = (IdempotencyInProgressError, IdempotencyKeyReusedError)
_COMMON_ERRORS: Final[tuple[type[AppError], ...]] = (
    BadRequestError,
    InvalidError,
    UnknownParameterError,
    HeadersTooLargeError,
    AppError,
)
_HEADERS: Final = {
    "ETag": "Tag of the content, for `If-Match` and `If-None-Match`.",
    "Idempotent-Replayed": "`true` if an earlier request with the same `Idempotency-Key` had the effect.",
    "Link": "The adjacent pages (RFC 8288), if there are any.",
    "Location": "Path of the new resource.",
    "Retry-After": "Seconds after which to repeat the request.",
    "WWW-Authenticate": "How to authenticate.",
    "X-Request-ID": "The id of the request, in the log as well.",
}
_ERROR_HEADERS: Final[Mapping[type[AppError], str]] = {
    IdempotencyInProgressError: "Retry-After",
    RateLimitedError: "Retry-After",
    ServiceUnavailableError: "Retry-After",
    UnauthorizedError: "WWW-Authenticate",
}
_UNAUTHENTICATED_STATUSES: Final = (str(UnauthorizedError.status), str(ForbiddenError.status))


def read_responses(*errors: type[AppError], has_pages: bool = False) -> Responses:
    """`responses=` of a GET endpoint: its headers, 304, and error responses."""
    headers = _refer_to("ETag", "Link") if has_pages else _refer_to("ETag")
    not_modified = {"description": "Unchanged since the response with the ETag in `If-None-Match`.", "headers": headers}
    return {200: {"headers": headers}, 304: not_modified, **error_responses(*errors, *JSON_ERRORS)}


def create_responses(*errors: type[AppError]) -> Responses:
    """`responses=` of a POST endpoint that creates a resource: its headers, and error responses."""
    kinds = (*errors, *_IDEMPOTENCY_ERRORS, *AUTH_ERRORS, *_BODY_ERRORS)
    return {201: {"headers": _refer_to("ETag", "Location", "Idempotent-Replayed")}, **error_responses(*kinds)}


def update_responses(*errors: type[AppError]) -> Responses:
    """`responses=` of a PATCH endpoint: its header, and error responses."""
    kinds = (*errors, PreconditionFailedError, *AUTH_ERRORS, *_BODY_ERRORS)
    return {200: {"headers": _refer_to("ETag")}, **error_responses(*kinds)}


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
        if kind in _ERROR_HEADERS:
            response.setdefault("headers", {}).update(_refer_to(_ERROR_HEADERS[kind]))
    return responses


def _refer_to(*headers: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}


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


def complete_document(document: dict[str, Any], *, api_keys_enabled: bool) -> dict[str, Any]:
    """Add the headers, and for each operation whether it needs an API key: `security: []` means that it needs none."""
    document["components"]["headers"] = {
        name: {"description": description, "schema": {"type": "string"}} for name, description in _HEADERS.items()
    }
    if not api_keys_enabled:
        document["components"].pop("securitySchemes", None)
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["security"] = operation.get("security", []) if api_keys_enabled else []
            for status in () if api_keys_enabled else _UNAUTHENTICATED_STATUSES:
                operation["responses"].pop(status, None)
            for response in operation["responses"].values():
                response["headers"] = response.get("headers", {}) | _refer_to("X-Request-ID")
    return document
