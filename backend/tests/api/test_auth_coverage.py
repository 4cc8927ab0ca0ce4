"""Every route that may write rejects requests without a key."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

from app.config import Settings
from app.db.session import Database
from tests.support.api_keys import with_keys
from tests.support.clients import build_app, build_client

SAFE_METHODS: Final = {"GET", "HEAD", "OPTIONS"}


@pytest.fixture
def keyed_app(settings: Settings, database: Database) -> FastAPI:
    return build_app(database, with_keys(settings))


def list_write_routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """The method and path of every route that may change something."""
    for route in iter_route_contexts(app.routes):
        for method in sorted((route.methods or set()) - SAFE_METHODS):
            yield method, route.path or ""


async def find_unprotected(app: FastAPI) -> AsyncIterator[str]:
    """The write routes that do not return 401 to a request without a key."""
    async with build_client(app) as client:
        for method, path in list_write_routes(app):
            _, template, parameters = compile_path(path)
            response = await client.request(method, template.format_map(dict.fromkeys(parameters, 1)))
            if response.status_code != 401:
                yield f"{method} {path}"


async def test_all_write_routes_require_a_key(keyed_app: FastAPI) -> None:
    assert {path for _, path in list_write_routes(keyed_app)} >= {
        "/deals",
        "/deals/{deal_id}",
        "/hotels",
        "/hotels/{hotel_id}",
    }
    assert [route async for route in find_unprotected(keyed_app)] == []


async def test_unprotected_write_route_is_detected(keyed_app: FastAPI) -> None:
    @keyed_app.patch("/open/{key}")
    async def update(key: int) -> int:
        return key

    assert [route async for route in find_unprotected(keyed_app)] == ["PATCH /open/{key}"]


def test_openapi_documents_the_required_scopes(keyed_app: FastAPI) -> None:
    document = keyed_app.openapi()
    scheme = document["components"]["securitySchemes"]["ApiKey"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-API-Key")
    requirements = {
        f"{method.upper()} {path}": operation.get("security")
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    for operation, security in requirements.items():
        if operation.startswith("GET "):
            assert security == [], operation
        elif operation != "DELETE /hotels/{hotel_id}":
            assert security == [{"ApiKey": ["deals:write"]}], operation
    assert requirements["DELETE /hotels/{hotel_id}"] == [{"ApiKey": ["deals:admin"]}]
