"""Clients of the application, which runs in the process of the test."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from starlette.types import ASGIApp

from app.config import Settings
from app.db.session import ConnectedDatabase, Database
from app.main import create_app

BASE_URL = "http://deals.test"


@asynccontextmanager
async def open_database(url: str, settings: Settings) -> AsyncIterator[ConnectedDatabase]:
    """The database at `url`, with pools of the sizes and timeouts in `settings`."""
    database = ConnectedDatabase.connect(url, settings)
    try:
        yield database
    finally:
        await database.close()


def build_app(database: Database, settings: Settings) -> FastAPI:
    """The application on `database`, as its lifespan would set it up: httpx's transport does not run that."""
    app = create_app(settings)
    app.state.database = database
    return app


def build_client(app: ASGIApp, *, address: str = "127.0.0.1", headers: Mapping[str, str] | None = None) -> AsyncClient:
    """A client of `app` that has the IP `address` and sends `headers`."""
    return AsyncClient(transport=ASGITransport(app, client=(address, 1)), base_url=BASE_URL, headers=headers)
