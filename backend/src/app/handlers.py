"""Which exception becomes which answer."""

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from app.db.violations import UNANSWERED, as_app_error
from app.errors import AppError, MethodNotAllowedError
from app.rendering import from_http, from_validation, render

log = structlog.get_logger("errors")


def add_error_handlers(app: FastAPI) -> None:
    """Give every error of `app` the service's own shape."""
    app.exception_handler(AppError)(_answer_ours)
    app.exception_handler(HTTPException)(_answer_http)
    app.exception_handler(RequestValidationError)(_answer_validation)
    for kind in UNANSWERED:
        app.exception_handler(kind)(_answer_database)


async def _answer_ours(request: Request, error: AppError) -> Response:
    return render(error, request.state.request_id)


async def _answer_http(request: Request, error: HTTPException) -> Response:
    answer = from_http(error)
    if isinstance(answer, MethodNotAllowedError):
        answer.headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    return render(answer, request.state.request_id)


async def _answer_validation(request: Request, error: RequestValidationError) -> Response:
    return render(from_validation(error), request.state.request_id)


async def _answer_database(request: Request, error: Exception) -> Response:
    log.error("database_error", exc_info=error)
    return render(as_app_error(error), request.state.request_id)


def _methods_at(request: Request) -> set[str]:
    """The methods that some route has for the request's path; the router itself names those of one route only."""
    routes = [route for route in iter_route_contexts(request.app.routes) if route.path and route.methods]
    path = request.scope["path"]
    return {
        method for route in routes if compile_path(route.path or "")[0].match(path) for method in route.methods or ()
    }
