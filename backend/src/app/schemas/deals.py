"""Deals as clients see them, and what the list takes."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Protocol

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from app.paging import Count
from app.schemas.base import (
    Amount,
    CalendarDate,
    CategoryName,
    Id,
    Input,
    Output,
    Percent,
    Price,
    RoomType,
    Stars,
    Version,
    absent,
)
from app.schemas.filters import DealFilters
from app.schemas.hotels import HotelOut
from app.schemas.paging import PageOut, PageQuery, Sort


class _Named(Protocol):
    name: str


def _names(categories: Iterable[_Named]) -> list[str]:
    return [category.name for category in categories]


class DealOut(Output):
    id: int
    external_id: int | None
    room_type: str
    star_rating: int
    price_per_night: Amount
    original_price: Amount
    discount_percent: int
    checkin_date: date
    checkout_date: date
    is_available: bool
    categories: Annotated[list[str], BeforeValidator(_names)]
    hotel: HotelOut
    version: int = Field(description="Rises by one with every update.")
    created_at: datetime
    updated_at: datetime


class DealSort(Sort):
    """What the list can be ordered by, and by that in descending order; ties are in the order of `id`."""

    ID = "id"
    ID_DESC = "-id"
    PRICE = "price_per_night"
    PRICE_DESC = "-price_per_night"
    STARS = "star_rating"
    STARS_DESC = "-star_rating"
    DISCOUNT = "discount_percent"
    DISCOUNT_DESC = "-discount_percent"
    CHECKIN = "checkin_date"
    CHECKIN_DESC = "-checkin_date"
    CREATED = "created_at"
    CREATED_DESC = "-created_at"


class DealQuery(DealFilters, PageQuery):
    """Everything GET /deals accepts."""

    sort: DealSort = Field(DealSort.ID, description="A field, `-` before it for descending; ties follow `id`.")
    cursor: str | None = Field(
        None,
        max_length=500,
        description="The `next_cursor` of a page before, with the same filters and sort. Not together with `skip`.",
    )
    count: Count = Field(Count.EXACT, description="How to find `total`; `none` is the quickest.")

    @property
    def filters(self) -> str:
        """The filters that are given, as text: the same for the same filters."""
        return self.model_dump_json(include=set(DealFilters.model_fields), exclude_defaults=True)


class DealPage(PageOut):
    total: int | None = Field(description="How many match in all; null if nobody counted.")
    total_kind: Count = Field(
        description="Whether `total` was counted, is the planner's estimate, or was not asked for."
    )
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")
    items: list[DealOut]


Categories = Annotated[list[CategoryName], Field(max_length=20, description="Names; a new one joins the catalogue.")]


class DealCreate(Input):
    """A new deal."""

    hotel_id: Id
    external_id: Id | None = None
    room_type: RoomType
    star_rating: Stars
    price_per_night: Price
    original_price: Price
    discount_percent: Percent
    checkin_date: CalendarDate
    checkout_date: CalendarDate
    is_available: Annotated[bool, Field(strict=True)] = True
    categories: Categories = Field(default_factory=list)

    @field_validator("checkout_date")
    @classmethod
    def _after_checkin(cls, checkout: date, info: ValidationInfo) -> date:
        checkin = info.data.get("checkin_date")
        if checkin is not None and checkout <= checkin:
            raise ValueError("must be after checkin_date")
        return checkout


class DealPatch(Input):
    """What to change of a deal; what is absent stays as it is."""

    hotel_id: Id = absent()
    external_id: Id | None = None
    room_type: RoomType = absent()
    star_rating: Stars = absent()
    price_per_night: Price = absent()
    original_price: Price = absent()
    discount_percent: Percent = absent()
    checkin_date: CalendarDate = absent()
    checkout_date: CalendarDate = absent()
    is_available: Annotated[bool, Field(strict=True)] = absent()
    categories: Categories = absent()
    version: Annotated[Version | None, Field(description="Change the deal only if it still has this version.")] = None

    def changes(self) -> dict[str, Any]:
        """What was sent, by field, without the version."""
        return self.model_dump(exclude_unset=True, exclude={"version"})
