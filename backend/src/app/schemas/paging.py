"""What every list takes and gives."""

from typing import Annotated

from pydantic import Field

from app.paging import Count
from app.schemas.base import MAX_KEY, Input, Output
from app.schemas.query import Whole


class PageQuery(Input):
    skip: Annotated[Whole, Field(ge=0, le=MAX_KEY, description="How many to leave out at the start.")] = 0
    limit: Annotated[Whole, Field(ge=1, le=100, description="How many to answer at most.")] = 20


class PageOut(Output):
    total: int | None = Field(description="How many match in all; null if nobody counted.")
    total_kind: Count = Field(
        description="Whether `total` was counted, is the planner's estimate, or was not asked for."
    )
    skip: int
    limit: int
