"""Error responses: exception handlers, and the one renderer of the error body."""

import json
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from app.api.responses import public_path
from app.db.errors import DATABASE_ERRORS, to_app_error
from app.db.failures import log_failure
from app.errors import (
    AppError,
    DealNotFoundError,
    ErrorDetail,
    HotelNotFoundError,
    InvalidError,
    MalformedJsonError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    RequestTimeoutError,
    UnknownParameterError,
)
from app.observability.requests import set_error_code

UNKNOWN_PARAMETER: Final = "unknown_parameter"
"""The type of a validation error for an unknown query parameter."""

_BY_STATUS: Final[Mapping[int, type[AppError]]] = {
    400: MalformedJsonError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    408: RequestTimeoutError,
    413: PayloadTooLargeError,
}
_BY_PATH_PARAMETER: Final[Mapping[str, type[AppError]]] = {
    "deal_id": DealNotFoundError,
    "hotel_id": HotelNotFoundError,
}
_MESSAGES: Final = {
    "missing": "is required",
    "extra_forbidden": "unknown field",
    "date_from_datetime_parsing": "must be an existing date",
    "model_attributes_type": "must be a JSON object",
}
"""Replacements for Pydantic's messages, by error type."""
_MESSAGE_START: Final = re.compile(r"^(Input|Decimal input|List|String) should ")
_MAX_FIELD_LENGTH: Final = 64
_MAX_DETAILS: Final = 50


def add_error_handlers(app: FastAPI) -> None:
    """Render every exception of `app` in the service's error format."""
    app.exception_handler(AppError)(_handle_app_error)
    app.exception_handler(HTTPException)(_handle_http_exception)
    app.exception_handler(RequestValidationError)(_handle_validation_error)
    for error_type in DATABASE_ERRORS:
        app.exception_handler(error_type)(_handle_database_error)


def render(error: AppError, request_id: str) -> Response:
    """The response for an error, in the format of `schemas.misc.ErrorResponse`."""
    set_error_code(error.code)
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details:
        body["details"] = [{"field": detail.field, "message": detail.message} for detail in error.details]
    body["request_id"] = request_id
    content = json.dumps({"error": body}, ensure_ascii=False).encode("utf-8", errors="replace")
    return Response(content, error.status, headers=error.headers, media_type="application/json")


async def _handle_app_error(request: Request, error: AppError) -> Response:
    return _respond(request, error)


async def _handle_http_exception(request: Request, error: HTTPException) -> Response:
    path = request.scope["path"].removesuffix("/")
    has_slash = request.scope["raw_path"].endswith(b"/")  # the path may end with a decoded %2F
    if error.status_code == HTTPStatus.NOT_FOUND and has_slash and _get_methods(request, path):
        return _redirect(request, path)
    return _respond(request, _BY_STATUS.get(error.status_code, AppError)(headers=error.headers))


async def _handle_validation_error(request: Request, error: RequestValidationError) -> Response:
    return _respond(request, _from_validation_error(error))


async def _handle_database_error(request: Request, error: Exception) -> Response:
    log_failure(error)
    return _respond(request, to_app_error(error))


def _respond(request: Request, error: AppError) -> Response:
    static_methods = _get_methods_of_static_path(request)
    if static_methods and request.method not in static_methods:
        # The router matches DELETE /deals/stats with /deals/{deal_id}.
        error = _method_not_allowed(static_methods)
    elif isinstance(error, MethodNotAllowedError):
        error = _method_not_allowed(_get_methods(request, request.scope["path"]))
    return render(error, request.state.request_id)


def _redirect(request: Request, path: str) -> Response:
    """Redirect to `path` with the query of the request, relative to the host that the client has used."""
    query = quote(request.scope["query_string"], safe=string.punctuation)
    return RedirectResponse(quote(public_path(request, path)) + (f"?{query}" if query else ""))


def _method_not_allowed(methods: AbstractSet[str]) -> MethodNotAllowedError:
    return MethodNotAllowedError(headers={"Allow": ", ".join(sorted(methods))})


def _get_methods_of_static_path(request: Request) -> AbstractSet[str]:
    """The methods of the routes without path parameters that have the request's path; empty if there are none."""
    path = request.scope["path"]
    static = (methods for template, methods in _get_routes(request) if template == path and "{" not in template)
    return set().union(*static)


def _get_methods(request: Request, path: str) -> AbstractSet[str]:
    """The methods of all routes that match `path`; the router itself names only those of one route."""
    matching = (methods for template, methods in _get_routes(request) if compile_path(template)[0].match(path))
    return set().union(*matching)


def _get_routes(request: Request) -> Iterator[tuple[str, AbstractSet[str]]]:
    for route in iter_route_contexts(request.app.routes):
        if route.path and route.methods:
            yield route.path, route.methods | {"HEAD"} if "GET" in route.methods else route.methods


def _from_validation_error(error: RequestValidationError) -> AppError:
    """All problems of a request at once, at most 50 of them, without the invalid values."""
    problems: Sequence[Mapping[str, Any]] = error.errors()
    for problem in problems:
        if problem["loc"][0] == "path":
            return _BY_PATH_PARAMETER.get(problem["loc"][1], NotFoundError)()
        if problem["type"] == "json_invalid":
            return MalformedJsonError()
    all_unknown = all(problem["type"] == UNKNOWN_PARAMETER for problem in problems)
    error_type = UnknownParameterError if all_unknown else InvalidError
    details = [ErrorDetail(_get_field(problem["loc"]), _get_message(problem)) for problem in problems[:_MAX_DETAILS]]
    omitted = len(problems) - len(details)
    suffix = f" The details list {len(details)} problems, and {omitted} more were found." if omitted else ""
    return error_type(error_type.default_message + suffix, details=details)


def _get_field(location: Sequence[str | int]) -> str:
    name = ".".join(str(part) for part in location[1:]) or str(location[0])
    return "".join(character if character.isprintable() else "?" for character in name[:_MAX_FIELD_LENGTH])


def _get_message(problem: Mapping[str, Any]) -> str:
    message: str = _MESSAGES.get(problem["type"], problem["msg"])
    return _MESSAGE_START.sub("must ", message.removeprefix("Value error, "))
