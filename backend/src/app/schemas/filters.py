"""The filter set: one meaning on every endpoint that filters, so that all counts agree."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from app.schemas.base import CalendarDate, CategoryName, CityName, CountryName, Input, RoomType
from app.schemas.query import Given, QueryFlag, QueryId, QueryPercent, QueryPrice, QueryStars, prefilled

_MOST_VALUES = 50


class DealFilters(Input):
    """All optional; a deal matches if it satisfies every one that is given."""

    city: Annotated[
        list[CityName],
        Field(
            max_length=_MOST_VALUES, description="The city's whole name, whatever the case. Repeat it for any of them."
        ),
    ] = Field(default_factory=list, examples=[["Toronto"]], json_schema_extra=prefilled(["Toronto"]))
    country: Given[CountryName] = Field(
        None, description="The country's whole name, whatever the case.", examples=["Canada"]
    )
    min_stars: Given[QueryStars] = Field(
        None, description="At least so many stars.", examples=[4], json_schema_extra=prefilled(4)
    )
    price_min: Given[QueryPrice] = Field(
        None, description="Lowest price per night, inclusive.", examples=[50], json_schema_extra=prefilled(50)
    )
    price_max: Given[QueryPrice] = Field(
        None, description="Highest price per night, inclusive.", examples=[150], json_schema_extra=prefilled(150)
    )
    category: Annotated[
        list[CategoryName],
        Field(max_length=_MOST_VALUES, description="A category, whatever the case. Repeat it for any of them."),
    ] = Field(default_factory=list, examples=[["luxury"]])
    available_only: QueryFlag = Field(default=False, description="Only deals that can be booked.", examples=[True])
    hotel_id: Given[QueryId] = Field(None, description="Only deals of this hotel.", examples=[1])
    room_type: Given[RoomType] = Field(None, description="The whole room type, whatever the case.", examples=["Deluxe"])
    min_discount: Given[QueryPercent] = Field(None, description="At least so many percent.", examples=[30])
    checkin_from: Given[CalendarDate] = Field(
        None, description="First day of check-in, inclusive.", examples=["2026-03-01"]
    )
    checkin_to: Given[CalendarDate] = Field(
        None, description="Last day of check-in, inclusive.", examples=["2026-03-31"]
    )

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
