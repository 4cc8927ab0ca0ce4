"""What every list takes and gives."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.schemas.base import MAX_KEY, Input, Output
from app.schemas.query import Whole


class PageQuery(Input):
    skip: Annotated[Whole, Field(ge=0, le=MAX_KEY, description="How many to leave out at the start.")] = 0
    limit: Annotated[Whole, Field(ge=1, le=100, description="How many to answer at most.")] = 20


class PageOut(Output):
    skip: int | None = Field(description="How many were left out at the start; null on a page that a cursor led to.")
    limit: int


class Sort(StrEnum):
    """Names of fields, with `-` before them for descending."""

    @property
    def field(self) -> str:
        return self.value.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.value.startswith("-")
