"""The filter set: the same parameters with the same meaning on every endpoint that filters, so that counts agree."""

import json
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from app.schemas.base import CalendarDate, CategoryName, CityName, CountryName, RequestModel, RoomType
from app.schemas.params import OptionalParam, QueryFlag, QueryId, QueryPercent, QueryPrice, QueryStars

_MAX_VALUES = 50


class DealFilters(RequestModel):
    """All optional; a deal matches if it satisfies every filter that is present."""

    city: Annotated[
        list[CityName],
        Field(
            max_length=_MAX_VALUES,
            description="Full name of the city, case-insensitive. Repeat it to match any of several.",
        ),
    ] = Field(default_factory=list, examples=[["Toronto"]])
    country: OptionalParam[CountryName] = Field(
        None, description="Full name of the country, case-insensitive.", examples=["Canada"]
    )
    min_stars: OptionalParam[QueryStars] = Field(None, description="Minimum star rating.", examples=[4])
    price_min: OptionalParam[QueryPrice] = Field(
        None, description="Minimum price per night, inclusive, with at most two decimals.", examples=[50]
    )
    price_max: OptionalParam[QueryPrice] = Field(
        None, description="Maximum price per night, inclusive, with at most two decimals.", examples=[150]
    )
    category: Annotated[
        list[CategoryName],
        Field(
            max_length=_MAX_VALUES,
            description="Name of a category, case-insensitive. Repeat it to match any of several.",
        ),
    ] = Field(default_factory=list, examples=[["luxury"]])
    available_only: QueryFlag = Field(default=False, description="Only available deals.", examples=[True])
    hotel_id: OptionalParam[QueryId] = Field(None, description="Only deals of this hotel.", examples=[1])
    room_type: OptionalParam[RoomType] = Field(
        None, description="Full name of the room type, case-insensitive.", examples=["Deluxe"]
    )
    min_discount: OptionalParam[QueryPercent] = Field(None, description="Minimum discount in percent.", examples=[30])
    checkin_from: OptionalParam[CalendarDate] = Field(
        None, description="Earliest check-in date, inclusive.", examples=["2026-03-01"]
    )
    checkin_to: OptionalParam[CalendarDate] = Field(
        None, description="Latest check-in date, inclusive.", examples=["2026-03-31"]
    )

    @field_validator("price_max")
    @classmethod
    def _check_price_range(cls, price_max: Decimal | None, info: ValidationInfo) -> Decimal | None:
        price_min = info.data.get("price_min")
        if price_max is not None and price_min is not None and price_max < price_min:
            raise ValueError("must not be below price_min")
        return price_max

    @field_validator("checkin_to")
    @classmethod
    def _check_checkin_range(cls, checkin_to: date | None, info: ValidationInfo) -> date | None:
        checkin_from = info.data.get("checkin_from")
        if checkin_to is not None and checkin_from is not None and checkin_to < checkin_from:
            raise ValueError("must not be before checkin_from")
        return checkin_to

    @property
    def filter_fingerprint(self) -> str:
        """Text that is the same for filters that match the same deals: case, order and repetitions do not count."""
        filters = self.model_dump(include=set(DealFilters.model_fields), exclude_defaults=True)
        return json.dumps({name: _canonical(value) for name, value in filters.items()})


def _canonical(value: object) -> str | list[str]:
    if isinstance(value, list):
        return sorted(set(map(_fold_case, value)))
    if isinstance(value, Decimal):
        return str(value.normalize())
    return _fold_case(str(value))


def _fold_case(text: str) -> str:
    """Fold every difference that the database folds. Some locales fold İ to I, others to I and a dot."""
    return text.lower().upper().replace("\N{COMBINING DOT ABOVE}", "")
