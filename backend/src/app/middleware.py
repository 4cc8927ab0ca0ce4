"""The stack of middlewares around the routers, in order."""

from functools import partial

from fastapi import FastAPI

from app.config import Settings
from app.middlewares.concurrency_limit import ConcurrencyLimitMiddleware
from app.middlewares.cors import Cors
from app.middlewares.disconnect import CancelOnDisconnectMiddleware
from app.middlewares.errors import CatchAllErrorMiddleware
from app.middlewares.etag import ETagMiddleware
from app.middlewares.request_context import RequestContextMiddleware
from app.middlewares.request_limits import BodySizeLimitMiddleware, BodyTimeoutMiddleware, HeaderLimitMiddleware
from app.middlewares.response_headers import ResponseHeadersMiddleware


def add_middleware(app: FastAPI, settings: Settings) -> None:
    """Add the middlewares to `app`, from the innermost to the outermost."""
    app.add_middleware(BodySizeLimitMiddleware, max_bytes=settings.request_max_body_bytes)
    app.add_middleware(BodyTimeoutMiddleware, seconds=settings.request_body_timeout)
    app.add_middleware(CancelOnDisconnectMiddleware)  # it reads to the end of the connection, which has no deadline
    if settings.rate_limit:
        from app.middlewares.rate_limit import RateLimitMiddleware  # noqa: PLC0415  Redis's client takes a tenth of the start

        app.add_middleware(partial(RateLimitMiddleware.by, settings))
    app.add_middleware(HeaderLimitMiddleware)
    app.add_middleware(ETagMiddleware)
    app.add_middleware(ConcurrencyLimitMiddleware, most=settings.request_concurrency_limit)
    app.add_middleware(CatchAllErrorMiddleware)
    if settings.cors_origins:
        app.add_middleware(Cors, origins=settings.cors_origins)
    app.add_middleware(ResponseHeadersMiddleware)
    app.add_middleware(RequestContextMiddleware)
