"""The application: lifespan, middleware, error handlers, routers. No logic."""

import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.api.errors import add_error_handlers
from app.api.openapi import complete_document
from app.auth.service import build_authenticator
from app.config import Settings, load_settings
from app.db.resolve import open_database
from app.db.session import ConnectedDatabase
from app.logging import configure_logging
from app.middleware import add_middleware
from app.routers import categories, deals, health, hotels, pages
from app.services.health import is_ready
from app.services.idempotency import periodic_purge

_DESCRIPTION: Final = """
* All endpoints that filter take the same filters with the same meaning, so their counts agree.
* Unknown parameters and fields, and values out of range, are rejected with 422 and named; nothing is silently ignored.
* All errors have one shape: `{"error": {"code", "message", "details", "request_id"}}`.
* Prices are JSON numbers with at most two decimals, times are RFC 3339 in UTC, dates are `YYYY-MM-DD`.
* Lists have a total order. `skip` suits the first pages; `cursor` costs the same at any depth, and returns every deal
  that matches throughout the walk exactly once, even if others are inserted or deleted.
* Reads return an `ETag`; with `If-None-Match` they return 304 while the response is unchanged, and with `If-Match` a
  PATCH or DELETE returns 412 if it has changed.
* A write returns 2xx only after its transaction has been committed.
* Reads need no authentication. If API keys are enabled, writes need one in the `X-API-Key` header.
"""
_TAGS: Final = [
    {"name": "deals", "description": "Search, aggregate and change deals."},
    {"name": "hotels", "description": "Search and change hotels, and find the cheapest ones for a search."},
    {"name": "categories", "description": "The categories of deals."},
    {"name": "health", "description": "Probes for load balancers and operators."},
]


def _operation_id(route: APIRoute) -> str:
    """The handler's name, so that generated clients have methods such as `list_deals`."""
    return route.name


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Keep the database open while the application runs, and purge its idempotency keys.

    `is_ready` in the lifespan state is for `app.server`.
    """
    settings: Settings = app.state.settings
    with open_database(settings) as resolved:
        database = app.state.database = ConnectedDatabase.connect(resolved.url, settings)
        _tune_garbage_collector()
        try:
            async with periodic_purge(database, interval=settings.idempotency_purge_interval):
                yield {"is_ready": partial(is_ready, database)}
        finally:
            await database.close()


def _tune_garbage_collector() -> None:
    """Exclude the application from collections, and collect less often: full collections cause the slowest requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


class Application(FastAPI):
    """FastAPI with a document that states which operations need an API key."""

    def openapi(self) -> dict[str, Any]:
        settings: Settings = self.state.settings
        return complete_document(super().openapi(), api_keys_enabled=settings.write_auth_enabled)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the ASGI application. Settings default to those of the environment."""
    settings = settings or load_settings()
    configure_logging(settings)
    app = Application(
        title="Hotel deals",
        summary="A catalogue of hotel deals: search, page, aggregate and change them.",
        description=_DESCRIPTION,
        version=version("hotel-deals"),
        contact={"name": "The maintainers of Hotel deals"},
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[{"url": settings.root_path or "/", "description": "This service"}],
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.authenticator = build_authenticator(settings)
    add_error_handlers(app)
    for module in (deals, hotels, categories, health, pages):
        app.include_router(module.router)
    add_middleware(app, settings)
    return app
