"""The OpenAPI document and the pages that present it."""

import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, Final

import jsonschema_rs
import pytest
from httpx import AsyncClient, Response
from pydantic import BaseModel

from app.config import Settings
from app.db.session import Database
from app.main import create_app
from app.schemas.deals import CityStats, DealOut, DealPage
from app.schemas.hotels import HotelOut, HotelPage, HotelWithDeals
from app.schemas.misc import CategoryOut
from tests.support.api_keys import with_keys
from tests.support.clients import BASE_URL, build_app, build_client
from tests.support.error_assertions import STATUS_BY_CODE

KEYWORDS: Final = {
    *("$ref", "type", "format", "enum", "const", "anyOf", "oneOf", "allOf", "items", "properties", "required"),
    *("additionalProperties", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minLength", "maxLength", "pattern", "minItems", "maxItems", "title", "description", "default", "examples"),
    "example",  # of OpenAPI: Swagger UI fills it in
}
IDEMPOTENCY: Final = {"idempotency_in_progress", "idempotency_key_reused"}
AUTHENTICATION: Final = {"unauthorized", "forbidden", "rate_limited"}
CODES: Final[dict[str, set[str]]] = {
    "GET /health": set(),
    "GET /health/ready": {"service_unavailable"},
    "GET /deals": {"invalid_cursor", "service_unavailable"},
    "POST /deals": {
        *AUTHENTICATION,
        *IDEMPOTENCY,
        *("hotel_not_found", "external_id_taken", "service_unavailable"),
    },
    "GET /deals/stats": {"service_unavailable"},
    "GET /deals/{deal_id}": {"deal_not_found", "service_unavailable"},
    "PATCH /deals/{deal_id}": {
        *AUTHENTICATION,
        *("deal_not_found", "hotel_not_found"),
        *("version_conflict", "external_id_taken", "precondition_failed", "service_unavailable"),
    },
    "DELETE /deals/{deal_id}": {
        *AUTHENTICATION,
        *("deal_not_found", "version_conflict", "precondition_failed", "service_unavailable"),
    },
    "GET /hotels": {"service_unavailable"},
    "POST /hotels": {*AUTHENTICATION, *IDEMPOTENCY, "hotel_exists", "service_unavailable"},
    "GET /hotels/{hotel_id}": {"hotel_not_found", "service_unavailable"},
    "PATCH /hotels/{hotel_id}": {
        *AUTHENTICATION,
        *("hotel_not_found", "hotel_exists", "precondition_failed", "service_unavailable"),
    },
    "DELETE /hotels/{hotel_id}": {
        *AUTHENTICATION,
        *("hotel_not_found", "hotel_has_deals", "precondition_failed", "service_unavailable"),
    },
    "GET /categories": {"service_unavailable"},
}
"""The error codes of each operation, as provoked by the other tests."""
COMMON_CODES: Final = {"bad_request", "headers_too_large", "validation_error", "unknown_parameter", "internal_error"}
BODY_CODES: Final = {"malformed_json", "payload_too_large", "request_timeout", "unsupported_media_type"}
HEADERS: Final = {
    "GET /deals": {"200": {"ETag", "Link"}, "304": {"ETag", "Link"}},
    "GET /hotels": {"200": {"ETag", "Link"}, "304": {"ETag", "Link"}},
    "POST /deals": {"201": {"ETag", "Location", "Idempotent-Replayed"}, "409": {"Retry-After"}},
    "POST /hotels": {"201": {"ETag", "Location", "Idempotent-Replayed"}, "409": {"Retry-After"}},
}
"""Response headers by operation and status, besides those of all operations."""
COMMON_HEADERS: Final = {"401": {"WWW-Authenticate"}, "429": {"Retry-After"}, "503": {"Retry-After"}}
HEALTH_CHECKS: Final = {"GET /health", "GET /health/ready"}


@pytest.fixture(scope="module")
def document(settings: Settings) -> dict[str, Any]:
    return create_app(settings).openapi()


def iterate_operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def get_documented_codes(operation: dict[str, Any]) -> set[str]:
    """The codes of the errors that the operation has an example of, each under its own status."""
    codes = set()
    for status, response in operation["responses"].items():
        examples = response.get("content", {}).get("application/json", {}).get("examples", {})
        if int(status) >= 400:
            assert {str(STATUS_BY_CODE[code]) for code in examples} == {status}
            codes |= set(examples)
    return codes


def iterate_objects(node: object) -> Iterator[dict[str, Any]]:
    """Every JSON object within `node`."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from iterate_objects(child)


def test_document_has_version_license_contact_and_server(document: dict[str, Any]) -> None:
    assert document["info"]["version"] == version("hotel-deals")
    assert document["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    assert document["info"]["contact"]
    assert [server["url"] for server in document["servers"]] == ["/"]


def test_every_operation_has_summary_description_and_operation_id(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for name, operation in iterate_operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert set(operation["tags"]) <= tags, name
    assert {operation["operationId"] for _, operation in iterate_operations(document)} == {
        *("get_health", "get_readiness", "list_categories"),
        *("list_deals", "get_deal_stats", "create_deal", "get_deal", "update_deal", "delete_deal"),
        *("list_hotels", "create_hotel", "get_hotel", "update_hotel", "delete_hotel"),
    }


def test_every_error_has_the_same_schema(document: dict[str, Any]) -> None:
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])
    for name, operation in iterate_operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorResponse"}, (name, status)


@pytest.mark.parametrize("configure", [with_keys, Settings.model_copy], ids=["with keys", "without keys"])
def test_every_operation_documents_its_errors(settings: Settings, configure: Callable[[Settings], Settings]) -> None:
    operations = dict(iterate_operations(create_app(configure(settings)).openapi()))
    without_keys: set[str] = set() if configure is with_keys else {"unauthorized", "forbidden"}
    expected = {
        name: (codes - without_keys)
        | COMMON_CODES
        | (BODY_CODES if "requestBody" in operations[name] else set())
        | (set() if name.startswith("DELETE ") else {"not_acceptable"})
        | (set() if name in HEALTH_CHECKS else {"rate_limited"})
        for name, codes in CODES.items()
    }
    assert {name: get_documented_codes(operation) for name, operation in operations.items()} == expected


def test_every_operation_documents_its_response_headers(settings: Settings) -> None:
    document = create_app(with_keys(settings)).openapi()
    for name, operation in iterate_operations(document):
        etag = {"ETag"} if name.startswith(("GET ", "PATCH ")) and name not in HEALTH_CHECKS else set()
        for status, response in operation["responses"].items():
            expected = HEADERS.get(name, {"200": etag, "304": etag}).get(status, set()) | COMMON_HEADERS.get(
                status, set()
            )
            assert set(response["headers"]) == {"X-Request-ID", *expected}, (name, status)
            for header, reference in response["headers"].items():
                assert reference == {"$ref": f"#/components/headers/{header}"}
                assert document["components"]["headers"][header]["description"]


def test_every_read_documents_etag_and_304(document: dict[str, Any]) -> None:
    reads = {name for name, operation in iterate_operations(document) if "304" in operation["responses"]}
    assert reads == {name for name in CODES if name.startswith("GET ")} - HEALTH_CHECKS
    for name in reads:
        responses = dict(iterate_operations(document))[name]["responses"]
        assert "ETag" in responses["200"]["headers"]
        assert "content" not in responses["304"]


def test_every_parameter_has_description_and_example(document: dict[str, Any]) -> None:
    for name, operation in iterate_operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])
            if parameter["name"] != "cursor":  # only a previous page provides one
                assert parameter["schema"].get("examples") or parameter.get("examples"), (name, parameter["name"])


def test_query_parameters_have_no_prefilled_example_and_text_has_no_pattern(document: dict[str, Any]) -> None:
    """Swagger UI sends an `example` even if the user does not touch the parameter."""
    for name, operation in iterate_operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                schema = parameter["schema"]
                assert "example" not in schema, (name, parameter["name"])
                has_pattern = any("pattern" in part for part in iterate_objects(schema))
                assert has_pattern == (schema.get("format") == "date"), (name, parameter["name"])


@pytest.mark.parametrize("model", [DealPage, HotelPage, DealOut, HotelOut, HotelWithDeals, CityStats, CategoryOut])
def test_response_example_is_a_valid_response(document: dict[str, Any], model: type[BaseModel]) -> None:
    (example,) = document["components"]["schemas"][model.__name__]["examples"]
    assert model.model_validate(example).model_dump(mode="json") == example


@pytest.mark.parametrize("body", ["DealCreate", "DealPatch", "HotelCreate", "HotelPatch"])
def test_every_body_field_has_an_example(document: dict[str, Any], body: str) -> None:
    schema = document["components"]["schemas"][body]
    assert schema["examples"]
    for name, field in schema["properties"].items():
        assert any("examples" in part for part in iterate_objects(field)), name


def test_schemas_contain_only_json_schema_keywords(document: dict[str, Any]) -> None:
    """Tools ignore any other keyword."""
    operations = dict(iterate_operations(document)).values()
    parameters = [parameter for operation in operations for parameter in operation.get("parameters", [])]
    tops = [*document["components"]["schemas"].values(), *(parameter["schema"] for parameter in parameters)]
    schemas = [part for top in tops for part in (top, *top.get("properties", {}).values())]
    schemas += [part["items"] for part in schemas if "items" in part]
    schemas += [branch for part in schemas for branch in part.get("anyOf", [])]
    assert {keyword for schema in schemas for keyword in schema} <= KEYWORDS


def test_documented_defaults_can_be_sent(document: dict[str, Any]) -> None:
    for name, operation in iterate_operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter["schema"].get("default", "") is not None, (name, parameter["name"])


def test_every_valid_price_satisfies_its_schema(document: dict[str, Any]) -> None:
    """`KEYWORDS` excludes `multipleOf`, which validators compute with binary floats."""
    prices = [0.01, 0.07, 0.29, 0.57, 1.1, 19.99, 129.99, 4.35, 1_000_000.01, 99_999_999.99, *range(1, 9)]
    prices += [cents / 100 for cents in range(1, 100_000, 97)]
    properties = document["components"]["schemas"]["DealCreate"]["properties"]
    parameters = {parameter["name"]: parameter for parameter in document["paths"]["/deals"]["get"]["parameters"]}
    schemas = [properties["price_per_night"], properties["original_price"]]
    schemas += [parameters[name]["schema"] for name in ("price_min", "price_max")]
    for schema in schemas:
        validator = jsonschema_rs.Draft202012Validator(schema)
        assert [price for price in prices if not validator.is_valid(price)] == []
        assert not validator.is_valid(100_000_000)


def test_no_operation_needs_a_key_when_keys_are_disabled(document: dict[str, Any]) -> None:
    assert "securitySchemes" not in document["components"]
    assert {name for name, operation in iterate_operations(document) if operation["security"] != []} == set()


def test_only_writes_need_a_key_when_keys_are_enabled(settings: Settings) -> None:
    document = create_app(with_keys(settings)).openapi()
    assert set(document["components"]["securitySchemes"]) == {"ApiKey"}
    with_security = {name for name, operation in iterate_operations(document) if operation["security"]}
    assert with_security == {name for name in CODES if not name.startswith("GET ")}


async def test_root_redirects_to_docs(client: AsyncClient) -> None:
    response = await client.get("/")
    assert (response.status_code, response.headers["location"]) == (307, "/docs")


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_docs_load_only_local_assets(client: AsyncClient, page: str) -> None:
    html = (await client.get(page)).text
    assets = re.findall(r"""(?:src|href)=["']([^"']+)["']""", html)
    assert [asset for asset in assets if asset.endswith((".js", ".css"))]
    assert "://" not in html.replace("http://www.w3.org", "")
    for asset in assets:
        response = await client.get(asset)
        assert (response.status_code, len(response.content) > 100) == (200, True), asset
        assert b"cdn." not in response.content, asset
    assert (await client.get("/docs/assets/other.js")).status_code == 404


@pytest.mark.parametrize(
    ("root_path", "sent_prefix"),
    [("/catalogue", ""), ("/catalogue", "/catalogue"), ("/shop/v1", "/shop/v1"), ("/deals", "")],
)
async def test_links_include_the_root_path(
    settings: Settings, database: Database, root_path: str, sent_prefix: str
) -> None:
    app = build_app(database, settings.model_copy(update={"root_path": root_path}))
    hotel = {"name": "Crown Tower", "city": "Toronto", "country": "Canada", "phone": "1"}
    async with build_client(app) as client:

        async def get(path: str, **parameters: int) -> Response:
            return await client.get(f"{sent_prefix}{path}", params=parameters)

        assert (await get("/")).headers["location"] == f"{root_path}/docs"
        assert (await get("/hotels/", skip=1)).headers["location"] == f"{root_path}/hotels?skip=1"
        for page, script in (("/docs", "swagger-ui-bundle.js"), ("/redoc", "redoc.standalone.js")):
            html = (await get(page)).text
            assert f"{root_path}/openapi.json" in html
            assert f'src="{root_path}/docs/assets/{script}"' in html
        assert (await get("/openapi.json")).json()["servers"][0]["url"] == root_path
        location = (await client.post(f"{sent_prefix}/hotels", json=hotel)).headers["location"]
        assert location.startswith(f"{root_path}/hotels/")
        assert (await get(location.removeprefix(root_path))).status_code == 200
        assert (await get("/deals", skip=1)).headers["link"].startswith(f"<{root_path}/deals?")
        assert (await get("/deals/stats")).status_code == 200


async def test_prefix_is_removed_once_and_at_a_segment_only(settings: Settings, database: Database) -> None:
    app = build_app(database, settings.model_copy(update={"root_path": "/shop"}))
    statuses = {"/shop": 307, "/shop/": 307, "/shop/health": 200, "/shop/deals/1": 404, "/health": 200}
    statuses |= dict.fromkeys(["/shophealth", "/shops/health", "/shop/shop/health", "//shop/health"], 404)
    async with build_client(app) as client:
        responses = {path: await client.get(f"{BASE_URL}{path}") for path in statuses}
    assert {path: response.status_code for path, response in responses.items()} == statuses
    assert responses["/shop"].headers["location"] == "/shop/docs"


async def test_document_is_served(client: AsyncClient, document: dict[str, Any]) -> None:
    response = await client.get("/openapi.json")
    assert (response.status_code, response.json()) == (200, document)
