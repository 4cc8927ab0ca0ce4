"""Which exception becomes which answer."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from app.db.violations import UNANSWERED, as_app_error
from app.errors import AppError, MethodNotAllowedError, ServiceUnavailableError
from app.rendering import from_http, from_validation, render
from app.services.idempotency import AnsweredBeforeError

_MISCONFIGURED: Final = frozenset({"42501", "42703", "42P01"})
"""By SQLSTATE: a right, a column or a table is missing, which does not mend itself."""
_METHODS_OF_FILES: Final = frozenset({"GET", "HEAD"})

log = structlog.get_logger("errors")


def add_error_handlers(app: FastAPI) -> None:
    """Give every error of `app` the service's own shape."""
    app.exception_handler(AppError)(_answer_ours)
    app.exception_handler(HTTPException)(_answer_http)
    app.exception_handler(RequestValidationError)(_answer_validation)
    app.exception_handler(AnsweredBeforeError)(_answer_again)
    for kind in UNANSWERED:
        app.exception_handler(kind)(_answer_database)


async def _answer_ours(request: Request, error: AppError) -> Response:
    return _answer(request, error)


async def _answer_http(request: Request, error: HTTPException) -> Response:
    return _answer(request, from_http(error))


async def _answer_validation(request: Request, error: RequestValidationError) -> Response:
    return _answer(request, from_validation(error))


async def _answer_again(_: Request, error: AnsweredBeforeError) -> Response:
    answer = error.answer
    headers = {"Idempotent-Replayed": "true"} | ({"Location": answer.location} if answer.location else {})
    return Response(answer.body, answer.status, headers=headers, media_type="application/json")


async def _answer_database(request: Request, error: Exception) -> Response:
    answer = as_app_error(error)
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
    """The methods of all routes that fit the request's path, where the router itself names those of one.

    What is mounted beside the routes are files.
    """
    path = request.scope["path"]
    fitting = (methods for template, methods in _routes(request) if compile_path(template)[0].match(path))
    return set().union(*fitting) or _METHODS_OF_FILES


def _routes(request: Request) -> Iterator[tuple[str, AbstractSet[str]]]:
    for route in iter_route_contexts(request.app.routes):
        if route.path and route.methods:
            yield route.path, route.methods
