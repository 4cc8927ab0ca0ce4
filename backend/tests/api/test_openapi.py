"""The OpenAPI document and the pages that show it."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from tests.support.error_assertions import STATUS_BY_CODE

_KEYWORDS: Final = {
    *("$ref", "type", "format", "enum", "const", "anyOf", "oneOf", "allOf", "items", "properties", "required"),
    *("additionalProperties", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "minItems", "maxItems", "title", "description", "default", "examples"),
    "example",  # of OpenAPI: what Swagger UI fills in
}
RESENT: Final = {"idempotency_in_progress", "idempotency_key_reused"}
KEYED: Final = {"unauthorized", "forbidden", "rate_limited"}
CODES: Final[dict[str, set[str]]] = {
    "GET /health": set(),
    "GET /health/ready": {"service_unavailable"},
    "GET /deals": {"invalid_cursor", "service_unavailable"},
    "POST /deals": {*KEYED, *RESENT, "hotel_not_found", "external_id_taken", "service_unavailable"},
    "GET /deals/stats": {"service_unavailable"},
    "GET /deals/{deal_id}": {"deal_not_found", "service_unavailable"},
    "PATCH /deals/{deal_id}": {
        *KEYED,
        *("deal_not_found", "hotel_not_found"),
        *("version_conflict", "external_id_taken", "service_unavailable"),
    },
    "DELETE /deals/{deal_id}": {*KEYED, "deal_not_found", "version_conflict", "service_unavailable"},
    "GET /hotels": {"service_unavailable"},
    "POST /hotels": {*KEYED, *RESENT, "hotel_exists", "service_unavailable"},
    "GET /hotels/{hotel_id}": {"hotel_not_found", "service_unavailable"},
    "PATCH /hotels/{hotel_id}": {*KEYED, "hotel_not_found", "hotel_exists", "service_unavailable"},
    "DELETE /hotels/{hotel_id}": {*KEYED, "hotel_not_found", "hotel_has_deals", "service_unavailable"},
    "GET /categories": {"service_unavailable"},
}
"""What tests elsewhere provoke."""
EVERYWHERE: Final = {"bad_request", "headers_too_large", "validation_error", "unknown_parameter", "internal_error"}
WITH_A_BODY: Final = {"malformed_json", "payload_too_large", "request_timeout", "unsupported_media_type"}
NEVER_LIMITED: Final = {"GET /health", "GET /health/ready"}


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def documented(operation: dict[str, Any]) -> set[str]:
    """The codes of the errors that the operation has an example of, each under its own status."""
    codes = set()
    for status, answer in operation["responses"].items():
        examples = answer.get("content", {}).get("application/json", {}).get("examples", {})
        if int(status) >= 400:
            assert {str(STATUS_BY_CODE[code]) for code in examples} == {status}
            codes |= set(examples)
    return codes


def objects(node: object) -> Iterator[dict[str, Any]]:
    """Every JSON object within `node`."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects(child)


def test_every_operation_says_what_it_is(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert set(operation["tags"]) <= tags, name
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(ids)) == len(ids)


def test_every_error_has_the_one_shape(document: dict[str, Any]) -> None:
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorResponse"}, (name, status)


@pytest.mark.parametrize("name", CODES)
def test_the_errors_that_can_be_provoked_are_documented(document: dict[str, Any], name: str) -> None:
    operation = dict(operations(document))[name]
    expected = CODES[name] | EVERYWHERE | (WITH_A_BODY if "requestBody" in operation else set())
    expected |= set() if name in NEVER_LIMITED else {"rate_limited"}
    assert documented(operation) == expected


def test_every_operation_is_in_the_table(document: dict[str, Any]) -> None:
    assert {name for name, _ in operations(document)} == set(CODES)


def test_every_read_of_data_says_that_the_client_may_have_it_already(document: dict[str, Any]) -> None:
    reads = {name for name, operation in operations(document) if "304" in operation["responses"]}
    assert reads == {name for name in CODES if name.startswith("GET ")} - NEVER_LIMITED
    for name in reads:
        answers = dict(operations(document))[name]["responses"]
        assert "ETag" in answers["200"]["headers"]
        assert "content" not in answers["304"]


def test_every_parameter_is_described_and_has_an_example(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])
            if parameter["name"] != "cursor":  # only a page before can give an example
                assert parameter["schema"].get("examples") or parameter.get("examples"), (name, parameter["name"])


@pytest.mark.parametrize("body", ["DealCreate", "DealPatch", "HotelCreate", "HotelPatch"])
def test_every_field_of_a_body_has_an_example(document: dict[str, Any], body: str) -> None:
    schema = document["components"]["schemas"][body]
    assert schema["examples"]
    for name, field in schema["properties"].items():
        assert any("examples" in part for part in objects(field)), name


def test_the_schemas_hold_nothing_but_json_schema(document: dict[str, Any]) -> None:
    """A bound that a tool can't read is no bound."""
    parameters = [parameter for _, operation in operations(document) for parameter in operation.get("parameters", [])]
    tops = [*document["components"]["schemas"].values(), *(parameter["schema"] for parameter in parameters)]
    schemas = [part for top in tops for part in (top, *top.get("properties", {}).values())]
    schemas += [part["items"] for part in schemas if "items" in part]
    schemas += [branch for part in schemas for branch in part.get("anyOf", [])]
    assert {keyword for schema in schemas for keyword in schema} <= _KEYWORDS


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_the_docs_work_without_internet(client: AsyncClient, page: str) -> None:
    html = (await client.get(page)).text
    assets = re.findall(r"""(?:src|href)=["']([^"']+)["']""", html)
    assert [asset for asset in assets if asset.endswith((".js", ".css"))]
    assert "://" not in html.replace("http://www.w3.org", "")
    for asset in assets:
        answer = await client.get(asset)
        assert (answer.status_code, len(answer.content) > 100) == (200, True), asset


async def test_the_document_is_served(client: AsyncClient, document: dict[str, Any]) -> None:
    answer = await client.get("/openapi.json")
    assert (answer.status_code, answer.json()) == (200, document)
