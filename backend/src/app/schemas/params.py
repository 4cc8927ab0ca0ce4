"""Types of query parameters: text that is accepted in one plain notation only."""

import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema

from app.schemas.base import ID_LIMIT, MAX_VERSION, RequestModel

T = TypeVar("T")

_INTEGER: Final = re.compile(r"\d{1,19}", re.ASCII)
_DECIMAL: Final = re.compile(r"\d{1,15}(\.\d{1,15})?", re.ASCII)
_BOOLEANS: Final = {"true": True, "false": False}


def _matches(pattern: re.Pattern[str], reason: str) -> Callable[[object], object]:
    def validate(value: object) -> object:
        if isinstance(value, str) and not pattern.fullmatch(value):
            raise ValueError(reason)
        return value

    return validate


def _parse_bool(value: object) -> object:
    if isinstance(value, str):
        if value.lower() not in _BOOLEANS:
            raise ValueError("must be true or false")
        return _BOOLEANS[value.lower()]
    return value


class _NonNullableSchema:
    """Removes null, which a query string cannot express, from the OpenAPI document."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        nullable: dict[str, Any] = handler(schema)
        value_schema: dict[str, Any] = next(branch for branch in nullable.pop("anyOf") if branch != {"type": "null"})
        return value_schema | nullable


_UNSIGNED_INT: Final = BeforeValidator(
    _matches(_INTEGER, "must be a whole number of at most 19 digits, without a sign")
)

OptionalParam = Annotated[T | None, _NonNullableSchema()]
"""A parameter that may be left out; it is None then."""

QueryId = Annotated[int, Field(ge=1, lt=ID_LIMIT), _UNSIGNED_INT]
QuerySkip = Annotated[int, Field(ge=0, lt=ID_LIMIT), _UNSIGNED_INT]
QueryLimit = Annotated[int, Field(ge=1, le=100), _UNSIGNED_INT]
QueryStars = Annotated[int, Field(ge=1, le=5), _UNSIGNED_INT]
QueryPercent = Annotated[int, Field(ge=0, le=100), _UNSIGNED_INT]
QueryVersion = Annotated[int, Field(ge=1, le=MAX_VERSION), _UNSIGNED_INT]
QueryFlag = Annotated[bool, BeforeValidator(_parse_bool)]
QueryPrice = Annotated[
    Decimal,
    Field(ge=0, max_digits=10, decimal_places=2),
    BeforeValidator(_matches(_DECIMAL, "must be a number like 129.99, without a sign")),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 99_999_999.99}),
]


class PageQuery(RequestModel):
    skip: QuerySkip = Field(0, description="Number of items to skip.", examples=[0])
    limit: QueryLimit = Field(20, description="Maximum number of items on the page.", examples=[20])


class Sort(StrEnum):
    """Sort orders: the name of a field, prefixed with `-` for descending."""

    @property
    def field(self) -> str:
        return self.value.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.value.startswith("-")
