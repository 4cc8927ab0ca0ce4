"""The application: lifespan, middleware, routers, errors. No logic."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline

from app.api.errors import add_error_handlers
from app.auth.service import build_authenticator
from app.config import Settings, load_settings
from app.db.resolve import open_database
from app.db.session import Database
from app.logging import configure_logging
from app.middleware import add_middleware
from app.routers import categories, deals, health, hotels

_DESCRIPTION: Final = """
* Every endpoint that filters takes the same filters with the same meaning, so all counts agree.
* Nothing is silently ignored: a parameter or field that is not known, or a value out of range, is a 422 that names it.
* Every error has one shape, `{"error": {"code", "message", "details", "request_id"}}`.
* Prices are JSON numbers with at most two decimals; times are RFC 3339 in UTC; dates are `YYYY-MM-DD`.
* Lists are totally ordered. `skip` is good for the first pages; `cursor` costs the same at any depth and never
  repeats or leaves out a deal, whatever is written meanwhile.
* A read carries an `ETag`: with `If-None-Match` it is answered 304 while nothing has changed.
* A 2xx answer to a write leaves only after the commit.
* Everybody may read. Where the service wants keys, what changes something needs one in the header `X-API-Key`.
"""
_TAGS: Final = [
    {"name": "deals", "description": "Search, aggregate and change the deals."},
    {"name": "hotels", "description": "The hotels that deals belong to, and the cheapest of them for a search."},
    {"name": "categories", "description": "What deals are filed under."},
    {"name": "health", "description": "For load balancers and operators."},
]


def _operation_id(route: APIRoute) -> str:
    """The handler's name, so that a generated client has `list_deals` and not the path in words."""
    return route.name


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the database for as long as the application runs."""
    settings: Settings = app.state.settings
    with open_database(settings) as chosen:
        app.state.database = Database.connect(chosen.url, settings)
        _settle_the_collector()
        try:
            yield
        finally:
            await app.state.database.close()


def _settle_the_collector() -> None:
    """Leave what is here for good out of garbage collections, and have fewer: they make the slowest requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service as an ASGI application; settings come from the environment unless they are given."""
    settings = settings or load_settings()
    configure_logging(settings)
    app = FastAPIOffline(
        title="Hotel deals",
        summary="A catalogue of hotel deals: search, page, aggregate and change them.",
        description=_DESCRIPTION,
        version="1.0.0",
        openapi_tags=_TAGS,
        swagger_ui_parameters={"tryItOutEnabled": True, "displayRequestDuration": True},
        generate_unique_id_function=_operation_id,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.authenticator = build_authenticator(settings)
    add_middleware(app, settings)
    add_error_handlers(app)
    for noun in (deals, hotels, categories, health):  # the router looks in this order
        app.include_router(noun.router)
    return app
