"""The parameters of a query model as they stand in the OpenAPI document: what FastAPI says of them, spelled out."""

from typing import Annotated, Any

from fastapi import FastAPI, Query
from pydantic import BaseModel

_REFERENCE = "#/components/schemas/"


def parameters_of(model: type[BaseModel]) -> list[dict[str, Any]]:
    """One for each field, with the schemas of its types in place."""
    app = FastAPI()

    @app.get("/")
    async def asked(query: Annotated[model, Query()]) -> None:  # type: ignore[valid-type]  # FastAPI reads it
        """Stands for the endpoints that take the model."""

    document = app.openapi()
    schemas = document["components"]["schemas"]
    parameters: list[dict[str, Any]] = document["paths"]["/"]["get"]["parameters"]
    return [_spelled_out(parameter, schemas) for parameter in parameters]


def _spelled_out(part: Any, schemas: dict[str, Any]) -> Any:  # noqa: ANN401  any JSON
    if isinstance(part, list):
        return [_spelled_out(each, schemas) for each in part]
    if not isinstance(part, dict):
        return part
    reference = part.get("$ref", "")
    named = schemas[reference.removeprefix(_REFERENCE)] if reference else {}
    return {name: _spelled_out(each, schemas) for name, each in (named | part).items() if name != "$ref"}
