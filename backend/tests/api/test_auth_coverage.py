"""No endpoint that changes something is forgotten: all routes there are, without a key."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from httpx import ASGITransport, AsyncClient
from starlette.routing import compile_path

from app.config import Settings
from app.main import create_app
from tests.support.api_keys import with_keys
from tests.support.databases import OpenDatabase

SAFE: Final = {"GET", "HEAD", "OPTIONS"}


@pytest.fixture
def keyed_app(settings: Settings, database: OpenDatabase) -> FastAPI:
    app = create_app(with_keys(settings))
    app.state.database = database
    return app


def writes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """The method and path of every route that may change something."""
    for route in iter_route_contexts(app.routes):
        for method in sorted((route.methods or set()) - SAFE):
            yield method, route.path or ""


async def unprotected(app: FastAPI) -> AsyncIterator[str]:
    """Those that answer anything but 401 to a request without a key."""
    async with AsyncClient(transport=ASGITransport(app), base_url="http://deals.test") as client:
        for method, path in writes(app):
            _, template, parameters = compile_path(path)
            answer = await client.request(method, template.format_map(dict.fromkeys(parameters, 1)))
            if answer.status_code != 401:
                yield f"{method} {path}"


async def test_no_write_is_open(keyed_app: FastAPI) -> None:
    assert {path for _, path in writes(keyed_app)} >= {"/deals", "/deals/{deal_id}", "/hotels", "/hotels/{hotel_id}"}
    assert [route async for route in unprotected(keyed_app)] == []


async def test_a_write_that_is_open_is_found(keyed_app: FastAPI) -> None:
    @keyed_app.patch("/open/{key}")
    async def change(key: int) -> int:
        return key

    assert [route async for route in unprotected(keyed_app)] == ["PATCH /open/{key}"]


def test_the_document_says_what_needs_a_key(keyed_app: FastAPI) -> None:
    document = keyed_app.openapi()
    scheme = document["components"]["securitySchemes"]["ApiKey"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-API-Key")
    needed = {
        f"{method.upper()} {path}": operation.get("security")
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    for operation, security in needed.items():
        if operation.startswith("GET "):
            assert security is None, operation
        elif operation != "DELETE /hotels/{hotel_id}":
            assert security == [{"ApiKey": ["deals:write"]}], operation
    assert needed["DELETE /hotels/{hotel_id}"] == [{"ApiKey": ["deals:admin"]}]
