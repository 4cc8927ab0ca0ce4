"""Base classes and field types of the schemas: strict validation of requests, exact numbers in responses."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticKnownError, PydanticUseDefault, SchemaValidator, core_schema

ID_LIMIT: Final = 2**63
"""Exclusive upper bound of ids. Unlike MAX_ID it is exact as a binary float, which OpenAPI tools may parse it into."""
MAX_ID: Final = ID_LIMIT - 1
MAX_VERSION: Final = 2**31 - 1
MIN_DATE: Final = date(2000, 1, 1)
MAX_DATE: Final = date(2100, 1, 1)

_MAX_NFC_RATIO: Final = 4
"""NFC composes at most this many code points into one."""
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_VISIBLE: Final = SchemaValidator(
    # Pydantic's regular expressions know the Unicode properties. U+2800 is the blank of Braille, a symbol in Unicode.
    core_schema.str_schema(pattern=r"[^\p{Cf}\p{M}\p{Z}\p{Default_Ignorable_Code_Point}\x{2800}]")
)
_ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class RequestModel(BaseModel):
    """Base of request data: frozen, and unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _require_object(cls, data: object) -> object:
        """Reject other JSON values: FastAPI also reads bodies by attribute, and a Decimal has attributes."""
        if isinstance(data, dict):
            return data
        raise PydanticKnownError("model_attributes_type")


class ResponseModel(BaseModel):
    """Base of response data: frozen, with every field always present."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


def example(**values: Any) -> ConfigDict:  # noqa: ANN401  any JSON
    """Model configuration with `values` as the example in the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [values]})


def clean_text(value: str, *, max_length: int) -> str:
    """Trim `value` and normalize it to NFC.

    Raises ValueError, with the reason, for control characters, lone surrogates, text without a visible character, and
    text longer than `max_length` code points. Marks are visible only on another character.
    """
    if _UNPRINTABLE.search(value):
        raise ValueError("must not contain control characters or lone surrogates")
    text = value.strip()
    if not text:
        raise ValueError("must not be empty")
    if len(text) <= max_length * _MAX_NFC_RATIO:
        # Reordering a long run of combining marks takes quadratic time.
        text = unicodedata.normalize("NFC", text)
    if len(text) > max_length:
        raise ValueError(f"must have at most {max_length} characters")
    if not _VISIBLE.isinstance_python(text):
        raise ValueError("must not be empty")
    return text


@dataclass(frozen=True)
class Text:
    """Annotation of `str`: trimmed NFC text of 1 to `max_length` code points."""

    max_length: int

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._clean, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | {"minLength": 1, "maxLength": self.max_length}

    def _clean(self, value: str) -> str:
        return clean_text(value, max_length=self.max_length)


class NullAsDefault:
    """Annotation of a field with a default, which null stands for: clients send null for a value that is not set."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._replace_null, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"type": "null"}]}

    @staticmethod
    def _replace_null(value: object) -> object:
        if value is None:
            raise PydanticUseDefault
        return value


def _require_iso_date(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _ISO_DATE.fullmatch(value):
        return value
    raise ValueError("must be a date like 2026-03-01")


def _require_number(value: object) -> object:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    raise ValueError("must be a number")


def _integral_to_int(value: object) -> object:
    """Turn the number 4.0 of a JSON body into 4; beyond the range of ids it may have millions of digits."""
    if isinstance(value, Decimal) and value.copy_abs() < ID_LIMIT and value == int(value):
        return int(value)
    return value


_INTEGRAL: Final = BeforeValidator(_integral_to_int)

HotelName = Annotated[str, Text(200), Field(examples=["Crown Tower"])]
CityName = Annotated[str, Text(100), Field(examples=["Toronto"])]
CountryName = Annotated[str, Text(100), Field(examples=["Canada"])]
Phone = Annotated[str, Text(32), Field(examples=["+1-416-555-1333"])]
RoomType = Annotated[str, Text(100), Field(examples=["Deluxe"])]
CategoryName = Annotated[str, Text(50), Field(examples=["luxury"])]

IdempotencyKey = Annotated[
    str, Field(min_length=1, max_length=255, pattern="^[!-~]+$", examples=["2b5c6a5e-3f0e-4a52-9a06-6ad5a04c1f5b"])
]

Id = Annotated[int, Field(strict=True, ge=1, lt=ID_LIMIT, examples=[1]), _INTEGRAL]
Stars = Annotated[int, Field(strict=True, ge=1, le=5, examples=[5]), _INTEGRAL]
Percent = Annotated[int, Field(strict=True, ge=0, le=100, examples=[30]), _INTEGRAL]
Version = Annotated[int, Field(strict=True, ge=1, le=MAX_VERSION, examples=[1]), _INTEGRAL]
StrictBool = Annotated[bool, Field(strict=True, examples=[True])]

Price = Annotated[
    Decimal,
    Field(gt=0, max_digits=10, decimal_places=2),
    BeforeValidator(_require_number),
    WithJsonSchema(
        {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 99_999_999.99,
            "description": "At most two decimals.",
            "examples": [129.99],
        }
    ),
]
"""A price in a JSON body. The numbers of a body are parsed as decimals, so the price is exact.

Its schema has no `multipleOf`: validators that divide binary floats reject 19.99 as a multiple of 0.01.
"""

CalendarDate = Annotated[
    date,
    Field(ge=MIN_DATE, le=MAX_DATE),
    BeforeValidator(_require_iso_date),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date",
            "pattern": "^(20[0-9]{2}-[0-9]{2}-[0-9]{2}|2100-01-01)$",
            "description": "From 2000-01-01 to 2100-01-01.",
            "examples": ["2026-03-01"],
        }
    ),
]

DecimalNumber = Annotated[Decimal, PlainSerializer(float, when_used="json"), WithJsonSchema({"type": "number"})]
"""An exact decimal, serialized as a JSON number.

The shortest text of a binary float reproduces up to fifteen decimal digits; prices have at most ten.
"""
