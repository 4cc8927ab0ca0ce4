"""Types of query parameters: text that must spell one value plainly, where JSON would have had a type."""

import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, JsonValue, WithJsonSchema
from pydantic_core import CoreSchema

from app.schemas.base import ID_LIMIT, MAX_VERSION, RequestModel

T = TypeVar("T")

_WHOLE: Final = re.compile(r"\d{1,19}", re.ASCII)
_DECIMAL: Final = re.compile(r"\d{1,15}(\.\d{1,15})?", re.ASCII)
_TRUTH: Final = {"true": True, "false": False}


def _spelled(pattern: re.Pattern[str], reason: str) -> Callable[[object], object]:
    def check(value: object) -> object:
        if isinstance(value, str) and not pattern.fullmatch(value):
            raise ValueError(reason)
        return value

    return check


def _truth(value: object) -> object:
    if isinstance(value, str):
        if value.lower() not in _TRUTH:
            raise ValueError("must be true or false")
        return _TRUTH[value.lower()]
    return value


def swagger_example(value: JsonValue) -> dict[str, JsonValue]:
    """What makes Swagger UI fill in `value` for a parameter; `examples` alone it only lists."""
    return {"example": value}


class _NeverNull:
    """Keeps null, which a query can't spell, out of the OpenAPI document."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        shown: dict[str, Any] = handler(schema)
        kept: dict[str, Any] = next(branch for branch in shown.pop("anyOf") if branch != {"type": "null"})
        return kept | shown


_PLAINLY: Final = BeforeValidator(_spelled(_WHOLE, "must be a whole number of at most 19 digits, without a sign"))

OptionalParam = Annotated[T | None, _NeverNull()]
"""A parameter that may be left out, and is None then."""

QueryId = Annotated[int, Field(ge=1, lt=ID_LIMIT), _PLAINLY]
QuerySkip = Annotated[int, Field(ge=0, lt=ID_LIMIT), _PLAINLY]
QueryLimit = Annotated[int, Field(ge=1, le=100), _PLAINLY]
QueryStars = Annotated[int, Field(ge=1, le=5), _PLAINLY]
QueryPercent = Annotated[int, Field(ge=0, le=100), _PLAINLY]
QueryVersion = Annotated[int, Field(ge=1, le=MAX_VERSION), _PLAINLY]
QueryFlag = Annotated[bool, BeforeValidator(_truth)]
QueryPrice = Annotated[
    Decimal,
    Field(ge=0, max_digits=10, decimal_places=2),
    BeforeValidator(_spelled(_DECIMAL, "must be a number like 129.99, without a sign")),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 99_999_999.99, "multipleOf": 0.01}),
]


class PageQuery(RequestModel):
    skip: QuerySkip = Field(0, description="How many to leave out at the start.", examples=[0])
    limit: QueryLimit = Field(20, description="How many to answer at most.", examples=[20])


class Sort(StrEnum):
    """Names of fields, with `-` before them for descending."""

    @property
    def field(self) -> str:
        return self.value.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.value.startswith("-")
