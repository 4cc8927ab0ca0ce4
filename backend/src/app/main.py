"""The application: lifespan, middleware, routers, errors. No logic."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from app.config import Settings, load_settings
from app.db.choice import open_database
from app.db.session import Database
from app.handlers import add_error_handlers
from app.logging import configure_logging
from app.middleware import BodyLimit, RequestContext
from app.routers import categories, deals, health, hotels


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the database for as long as the application runs."""
    settings: Settings = app.state.settings
    with open_database(settings) as chosen:
        app.state.database = Database.connect(chosen.url, settings)
        try:
            yield
        finally:
            await app.state.database.close()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service as an ASGI application; settings come from the environment unless they are given."""
    settings = settings or load_settings()
    configure_logging(settings)
    app = FastAPIOffline(
        title="Hotel deals",
        version="1.0.0",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.add_middleware(RequestContext)
    add_error_handlers(app)
    app.include_router(health.router)
    app.include_router(deals.router)
    app.include_router(hotels.router)
    app.include_router(categories.router)
    return app
