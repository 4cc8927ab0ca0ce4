"""Types of query parameters: text that must spell one value plainly, where JSON would have had a type."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from app.schemas.base import MAX_KEY, MAX_VERSION

_WHOLE: Final = re.compile(r"-?\d{1,19}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
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


Whole = Annotated[int, BeforeValidator(_spelled(_WHOLE, "must be a whole number of at most 19 digits"))]
QueryId = Annotated[Whole, Field(ge=1, le=MAX_KEY)]
QueryFlag = Annotated[bool, BeforeValidator(_truth)]
QueryPrice = Annotated[
    Decimal,
    BeforeValidator(_spelled(_DECIMAL, "must be a number like 129.99")),
    Field(ge=0, max_digits=10, decimal_places=2),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 99_999_999.99, "multipleOf": 0.01}),
]
QueryVersion = Annotated[Whole, Field(ge=1, le=MAX_VERSION)]
