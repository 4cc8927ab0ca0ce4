"""Every example of the OpenAPI document works on the sample catalogue."""

import shutil
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from httpx import AsyncClient

from app.config import SAMPLE_CSV
from app.db.urls import libpq_url
from app.importer.pipeline import load_deals
from tests.support.import_catalogue import ignore_progress

pytestmark = pytest.mark.slow

_METHOD_ORDER: Final = ("post", "get", "patch", "delete")

Document = dict[str, Any]


def resolve(schema: dict[str, Any], document: Document) -> dict[str, Any]:
    """Follow the schema's reference, if it has one."""
    reference = schema.get("$ref")
    found: dict[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]] if reference else schema
    return found


def prefilled_value(parameter: dict[str, Any]) -> Any:
    """The value that Swagger UI fills in for a parameter, or None."""
    return parameter["schema"].get("example", parameter["schema"].get("default"))


async def try_out(
    client: AsyncClient, path: str, method: str, operation: dict[str, Any], document: Document
) -> httpx.Response:
    """Send the request that Swagger UI sends if the user changes nothing."""
    query = {}
    for parameter in operation.get("parameters", []):
        value = prefilled_value(parameter)
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(value))
        elif value is not None:
            query[parameter["name"]] = value
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    content = resolve(body, document)["examples"][0] if body else None
    return await client.request(method, path, params=query, json=content)


async def get_with_each_example(client: AsyncClient, path: str, operation: dict[str, Any]) -> dict[str, httpx.Response]:
    """The responses to GETs that each send the example of one query parameter."""
    examples = {
        parameter["name"]: parameter["schema"]["examples"][0]
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query" and "examples" in parameter["schema"]
    }
    return {f"{path}?{name}": await client.get(path, params={name: value}) for name, value in examples.items()}


async def test_every_example_works_on_the_sample_catalogue(
    own_url: str, own_client: AsyncClient, tmp_path: Path
) -> None:
    load_deals(Path(shutil.copy(SAMPLE_CSV, tmp_path)), dsn=libpq_url(own_url), progress=ignore_progress)
    document = (await own_client.get("/openapi.json")).json()
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    responses: dict[str, httpx.Response] = {}
    for method, path, operation in sorted(operations, key=lambda item: _METHOD_ORDER.index(item[0])):
        responses[f"{method} {path}"] = await try_out(own_client, path, method, operation, document)
        if method == "get":
            responses |= await get_with_each_example(own_client, path, operation)
    assert {name: response.status_code for name, response in responses.items() if not response.is_success} == {}
    pages = {name: response.json()["items"] for name, response in responses.items() if '"items"' in response.text}
    assert [name for name, items in pages.items() if not items] == []
