"""The filter set: one meaning on every endpoint that filters, so that all counts agree."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from app.schemas.base import CalendarDate, CategoryName, CityName, CountryName, RequestModel, RoomType
from app.schemas.params import OptionalParam, QueryFlag, QueryId, QueryPercent, QueryPrice, QueryStars, swagger_example

_MOST_VALUES = 50


class DealFilters(RequestModel):
    """All optional; a deal matches if it satisfies every one that is given."""

    city: Annotated[
        list[CityName],
        Field(
            max_length=_MOST_VALUES, description="The city's whole name, whatever the case. Repeat it for any of them."
        ),
    ] = Field(default_factory=list, examples=[["Toronto"]], json_schema_extra=swagger_example(["Toronto"]))
    country: OptionalParam[CountryName] = Field(
        None, description="The country's whole name, whatever the case.", examples=["Canada"]
    )
    min_stars: OptionalParam[QueryStars] = Field(
        None, description="At least so many stars.", examples=[4], json_schema_extra=swagger_example(4)
    )
    price_min: OptionalParam[QueryPrice] = Field(
        None, description="Lowest price per night, inclusive.", examples=[50], json_schema_extra=swagger_example(50)
    )
    price_max: OptionalParam[QueryPrice] = Field(
        None, description="Highest price per night, inclusive.", examples=[150], json_schema_extra=swagger_example(150)
    )
    category: Annotated[
        list[CategoryName],
        Field(max_length=_MOST_VALUES, description="A category, whatever the case. Repeat it for any of them."),
    ] = Field(default_factory=list, examples=[["luxury"]])
    available_only: QueryFlag = Field(default=False, description="Only deals that can be booked.", examples=[True])
    hotel_id: OptionalParam[QueryId] = Field(None, description="Only deals of this hotel.", examples=[1])
    room_type: OptionalParam[RoomType] = Field(
        None, description="The whole room type, whatever the case.", examples=["Deluxe"]
    )
    min_discount: OptionalParam[QueryPercent] = Field(None, description="At least so many percent.", examples=[30])
    checkin_from: OptionalParam[CalendarDate] = Field(
        None, description="First day of check-in, inclusive.", examples=["2026-03-01"]
    )
    checkin_to: OptionalParam[CalendarDate] = Field(
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
