""" "Try it out" on every example of the documentation works on the sample catalogue."""

import shutil
from pathlib import Path
from typing import Any

import httpx
from httpx import AsyncClient

from app.cli.main import SAMPLE
from app.db.urls import libpq_url
from app.importer.pipeline import load_deals
from tests.support.import_catalogue import ignore_progress

_ORDER = ("post", "get", "patch", "delete")


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """The schema that `schema` refers to, if it does."""
    reference = schema.get("$ref")
    found: dict[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]] if reference else schema
    return found


def example(parameter: dict[str, Any]) -> Any:
    """The value that Swagger UI fills in for a parameter; None if it leaves the field empty."""
    return parameter["schema"].get("example", parameter["schema"].get("default"))


async def tried_out(
    client: AsyncClient, path: str, method: str, operation: dict[str, Any], document: dict[str, Any]
) -> httpx.Response:
    query = {}
    for parameter in operation.get("parameters", []):
        value = example(parameter)
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(value))
        elif value is not None:
            query[parameter["name"]] = value
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    content = resolved(body, document)["examples"][0] if body else None
    return await client.request(method, path, params=query, json=content)


async def test_every_example_works_on_the_sample_catalogue(
    own_url: str, own_client: AsyncClient, tmp_path: Path
) -> None:
    load_deals(Path(shutil.copy(SAMPLE, tmp_path)), dsn=libpq_url(own_url), progress=ignore_progress)
    document = (await own_client.get("/openapi.json")).json()
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    answers = {}
    for method, path, operation in sorted(operations, key=lambda each: _ORDER.index(each[0])):
        answer = await tried_out(own_client, path, method, operation, document)
        answers[f"{method} {path}"] = answer.status_code
        if method == "get" and "items" in answer.json():
            assert answer.json()["items"], f"the example of {path} finds nothing"
    assert {name: status for name, status in answers.items() if not 200 <= status < 300} == {}
