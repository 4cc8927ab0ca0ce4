"""What every list takes and gives."""

from enum import StrEnum

from pydantic import Field

from app.schemas.base import Input
from app.schemas.query import QueryLimit, QuerySkip


class PageQuery(Input):
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
