"""Types that every schema is made of: strict coming in, exact going out."""

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
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

ID_LIMIT: Final = 2**63
"""Keys are below this. Other than the greatest key it is a binary float too, as the OpenAPI document needs it."""
MAX_ID: Final = ID_LIMIT - 1
MAX_VERSION: Final = 2**31 - 1
MIN_DATE: Final = date(2000, 1, 1)
MAX_DATE: Final = date(2100, 1, 1)

_MOST_COMPOSED: Final = 4
"""How many code points NFC makes one of at most."""
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class RequestModel(BaseModel):
    """Data from a client: frozen, and a field that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _only_from_an_object(cls, data: object) -> object:
        """FastAPI reads bodies by attribute too, and a number that was parsed as Decimal has some."""
        if isinstance(data, dict):
            return data
        raise PydanticKnownError("model_attributes_type")


class ResponseModel(BaseModel):
    """Data for a client, read by attribute; every field is always there."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


def example(**values: Any) -> ConfigDict:  # noqa: ANN401  any JSON
    """A model's configuration with these values as its example in the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [values]})


def _nothing() -> None:
    return None


def absent() -> Any:  # noqa: ANN401  stands where a value of any type may be left out, which is not the same as null
    """The default of a field that a patch may leave out; the field's type need not allow null for that."""
    return Field(default_factory=_nothing)


def clean_text(value: str, *, max_length: int) -> str:
    """Trim `value` and bring it into NFC.

    Raises ValueError, with the reason, for control characters, lone surrogates, text that is empty once trimmed, and
    text longer than `max_length` code points.
    """
    if _UNPRINTABLE.search(value):
        raise ValueError("must not hold control characters or lone surrogates")
    text = value.strip()
    if not text:
        raise ValueError("must not be empty")
    if len(text) <= max_length * _MOST_COMPOSED:
        # Ordering a long run of combining marks takes time that grows with its square.
        text = unicodedata.normalize("NFC", text)
    if len(text) > max_length:
        raise ValueError(f"must have at most {max_length} characters")
    return text


@dataclass(frozen=True)
class Text:
    """Marks a `str` as trimmed NFC text of 1 to `max_length` code points."""

    max_length: int

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._clean, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        printable = r"[^\u0000-\u001f\u007f-\u009f]"
        visible = r"[^\s\u0000-\u001f\u007f-\u009f]"
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": self.max_length,
            "pattern": f"^{printable}*{visible}{printable}*$",
        }

    def _clean(self, value: str) -> str:
        return clean_text(value, max_length=self.max_length)


def _calendar_date(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _ISO_DATE.fullmatch(value):
        return value
    raise ValueError("must be a date like 2026-03-01")


def _json_number(value: object) -> object:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    raise ValueError("must be a number")


HotelName = Annotated[str, Text(200), Field(examples=["Crown Tower"])]
CityName = Annotated[str, Text(100), Field(examples=["Toronto"])]
CountryName = Annotated[str, Text(100), Field(examples=["Canada"])]
Phone = Annotated[str, Text(32), Field(examples=["+1-416-555-1333"])]
RoomType = Annotated[str, Text(100), Field(examples=["Deluxe"])]
CategoryName = Annotated[str, Text(50), Field(examples=["luxury"])]

IdempotencyKey = Annotated[
    str, Field(min_length=1, max_length=255, pattern="^[!-~]+$", examples=["2b5c6a5e-3f0e-4a52-9a06-6ad5a04c1f5b"])
]

Id = Annotated[int, Field(strict=True, ge=1, lt=ID_LIMIT, examples=[1])]
Stars = Annotated[int, Field(strict=True, ge=1, le=5, examples=[5])]
Percent = Annotated[int, Field(strict=True, ge=0, le=100, examples=[30])]
StrictBool = Annotated[bool, Field(strict=True, examples=[True])]
Version = Annotated[int, Field(strict=True, ge=1, le=MAX_VERSION, examples=[1])]

Price = Annotated[
    Decimal,
    Field(gt=0, max_digits=10, decimal_places=2),
    BeforeValidator(_json_number),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 99_999_999.99, "multipleOf": 0.01}),
    Field(examples=[129.99]),
]
"""An amount from a JSON body. The body's numbers are parsed as decimals, so no cent is lost on the way in."""

CalendarDate = Annotated[
    date,
    Field(ge=MIN_DATE, le=MAX_DATE),
    BeforeValidator(_calendar_date),
    WithJsonSchema({"type": "string", "format": "date", "pattern": "^(20[0-9]{2}-[0-9]{2}-[0-9]{2}|2100-01-01)$"}),
    Field(description="From 2000-01-01 to 2100-01-01.", examples=["2026-03-01"]),
]

DecimalNumber = Annotated[Decimal, PlainSerializer(float, when_used="json"), WithJsonSchema({"type": "number"})]
"""An exact decimal printed as a JSON number.

Ten digits are well within the fifteen for which the shortest text of a binary float is the decimal it came from.
"""
