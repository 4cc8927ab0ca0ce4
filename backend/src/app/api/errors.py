"""Which exception becomes which answer."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from app.db.errors import DATABASE_ERRORS, to_app_error
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
    ServiceUnavailableError,
    UnknownParameterError,
)

_MISCONFIGURED: Final = frozenset({"42501", "42703", "42P01"})
"""By SQLSTATE: a right, a column or a table is missing, which does not mend itself."""

log = structlog.get_logger("errors")


def add_error_handlers(app: FastAPI) -> None:
    """Give every error of `app` the service's own shape."""
    app.exception_handler(AppError)(_answer_ours)
    app.exception_handler(HTTPException)(_answer_http)
    app.exception_handler(RequestValidationError)(_answer_validation)
    for kind in DATABASE_ERRORS:
        app.exception_handler(kind)(_answer_database)


async def _answer_ours(request: Request, error: AppError) -> Response:
    return _answer(request, error)


async def _answer_http(request: Request, error: HTTPException) -> Response:
    return _answer(request, from_http(error))


async def _answer_validation(request: Request, error: RequestValidationError) -> Response:
    return _answer(request, from_validation(error))


async def _answer_database(request: Request, error: Exception) -> Response:
    answer = to_app_error(error)
    state = getattr(error, "sqlstate", None) or ""
    if isinstance(answer, ServiceUnavailableError) and state not in _MISCONFIGURED:
        log.warning("database_unavailable", error=type(error).__name__, sqlstate=state)
    else:
        log.error("database_error", exc_info=error)
    return _answer(request, answer)


def _answer(request: Request, error: AppError) -> Response:
    fixed = _methods_of_fixed(request)
    if fixed and request.method not in fixed:
        # For DELETE the router takes /deals/stats for the key of a deal.
        error = _not_allowed(fixed)
    elif isinstance(error, MethodNotAllowedError):
        error = _not_allowed(_methods_at(request))
    return render(error, request.state.request_id)


def _not_allowed(methods: AbstractSet[str]) -> MethodNotAllowedError:
    return MethodNotAllowedError(headers={"Allow": ", ".join(sorted(methods))})


def _methods_of_fixed(request: Request) -> AbstractSet[str]:
    """The methods of the routes whose path is the request's without any parameter; none if there is no such route."""
    path = request.scope["path"]
    return set().union(*(methods for template, methods in _routes(request) if template == path and "{" not in path))


def _methods_at(request: Request) -> AbstractSet[str]:
    """The methods of all routes that match the request's path; the router itself names only those of one route."""
    path = request.scope["path"]
    fitting = (methods for template, methods in _routes(request) if compile_path(template)[0].match(path))
    return set().union(*fitting)


def _routes(request: Request) -> Iterator[tuple[str, AbstractSet[str]]]:
    for route in iter_route_contexts(request.app.routes):
        if route.path and route.methods:
            yield route.path, route.methods | {"HEAD"} if "GET" in route.methods else route.methods


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
_REASONS: Final = {
    "missing": "is required",
    "extra_forbidden": "unknown field",
    "date_from_datetime_parsing": "must be a day that the calendar has",
    "model_attributes_type": "must be a JSON object",
}
_OPENING: Final = re.compile(r"^(Input|Decimal input|List|String) should ")
UNKNOWN_PARAMETER: Final = "unknown_parameter"
_LONGEST_NAME: Final = 64
_MAX_DETAILS: Final = 50


def render(error: AppError, request_id: str) -> Response:
    """The answer for `error`, in the shape of `schemas.errors.ErrorResponse`."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details:
        body["details"] = [{"field": problem.field, "message": problem.message} for problem in error.details]
    body["request_id"] = request_id
    content = json.dumps({"error": body}, ensure_ascii=False).encode("utf-8", errors="replace")
    return Response(content, error.status, headers=error.headers, media_type="application/json")


def from_http(error: HTTPException) -> AppError:
    """What the framework refused, as one of ours."""
    return _BY_STATUS.get(error.status_code, AppError)(headers=error.headers)


def from_validation(error: RequestValidationError) -> AppError:
    """Everything that is wrong with the request's values, at once, without echoing any of them."""
    problems: Sequence[Mapping[str, Any]] = error.errors()
    for problem in problems:
        if problem["loc"][0] == "path":
            return _BY_PATH_PARAMETER[problem["loc"][1]]()
        if problem["type"] == "json_invalid":
            return MalformedJsonError()
    all_unknown = all(problem["type"] == UNKNOWN_PARAMETER for problem in problems)
    kind = UnknownParameterError if all_unknown else InvalidError
    details = [ErrorDetail(_field(problem["loc"]), _reason(problem)) for problem in problems[:_MAX_DETAILS]]
    omitted = len(problems) - len(details)
    suffix = f" The details list {len(details)} problems, and {omitted} more were found." if omitted else ""
    return kind(kind.default_message + suffix, details=details)


def _field(location: Sequence[str | int]) -> str:
    name = ".".join(str(part) for part in location[1:]) or str(location[0])
    return "".join(character if character.isprintable() else "?" for character in name[:_LONGEST_NAME])


def _reason(problem: Mapping[str, Any]) -> str:
    message: str = _REASONS.get(problem["type"], problem["msg"])
    return _OPENING.sub("must ", message.removeprefix("Value error, "))
