"""The filter set: one meaning on every endpoint that filters, so that all counts agree."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from app.schemas.base import CalendarDate, CategoryName, Input, PlaceName, RoomType
from app.schemas.query import QueryFlag, QueryId, QueryPrice, Whole

_MOST_VALUES = 50


class DealFilters(Input):
    """All optional; a deal matches if it satisfies every one that is given."""

    city: Annotated[
        list[PlaceName],
        Field(
            max_length=_MOST_VALUES, description="The city's whole name, whatever the case. Repeat it for any of them."
        ),
    ] = Field(default_factory=list, examples=[["Toronto"]])
    country: PlaceName | None = Field(None, description="The country's whole name, whatever the case.")
    min_stars: Annotated[Whole, Field(ge=1, le=5)] | None = Field(None, description="At least so many stars.")
    price_min: QueryPrice | None = Field(None, description="Lowest price per night, inclusive.")
    price_max: QueryPrice | None = Field(None, description="Highest price per night, inclusive.")
    category: Annotated[
        list[CategoryName],
        Field(max_length=_MOST_VALUES, description="A category, whatever the case. Repeat it for any of them."),
    ] = Field(default_factory=list)
    available_only: QueryFlag = Field(default=False, description="Only deals that can be booked.")
    hotel_id: QueryId | None = Field(None, description="Only deals of this hotel.")
    room_type: RoomType | None = Field(None, description="The whole room type, whatever the case.")
    min_discount: Annotated[Whole, Field(ge=0, le=100)] | None = Field(None, description="At least so many percent.")
    checkin_from: CalendarDate | None = Field(None, description="First day of check-in, inclusive.")
    checkin_to: CalendarDate | None = Field(None, description="Last day of check-in, inclusive.")

    @field_validator("price_max")
    @classmethod
    def _not_below_price_min(cls, highest: Decimal | None, info: ValidationInfo) -> Decimal | None:
        lowest = info.data.get("price_min")
        if highest is not None and lowest is not None and highest < lowest:
            raise ValueError("must not be below price_min")
        return highest

    @field_validator("checkin_to")
    @classmethod
    def _not_before_checkin_from(cls, last: date | None, info: ValidationInfo) -> date | None:
        first = info.data.get("checkin_from")
        if last is not None and first is not None and last < first:
            raise ValueError("must not be before checkin_from")
        return last
