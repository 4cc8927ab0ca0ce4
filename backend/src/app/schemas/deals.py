"""Deals as clients see them, and what the list takes."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from app.pagination import TotalMode
from app.schemas.base import (
    CalendarDate,
    CategoryName,
    DecimalNumber,
    Id,
    Percent,
    Price,
    RequestModel,
    ResponseModel,
    RoomType,
    Stars,
    StrictBool,
    Version,
    absent,
    example,
)
from app.schemas.filters import DealFilters
from app.schemas.hotels import HotelOut
from app.schemas.params import OptionalParam, PageQuery, QueryFlag, Sort


class DealOut(ResponseModel):
    model_config = example(
        id=812,
        external_id=40117,
        room_type="Deluxe",
        star_rating=5,
        price_per_night=129.0,
        original_price=184.5,
        discount_percent=30,
        checkin_date="2026-03-01",
        checkout_date="2026-03-04",
        is_available=True,
        categories=["luxury", "romantic"],
        hotel={
            "id": 44,
            "name": "Crown Tower",
            "city": "Toronto",
            "country": "Canada",
            "phone": "+1-416-555-1333",
            "avg_star_rating": 3.97,
        },
        version=3,
        created_at="2026-01-05T09:12:44Z",
        updated_at="2026-02-01T17:03:10Z",
    )

    id: int
    external_id: int | None
    room_type: str
    star_rating: int
    price_per_night: DecimalNumber
    original_price: DecimalNumber
    discount_percent: int
    checkin_date: date
    checkout_date: date
    is_available: bool
    categories: list[str]
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

    sort: DealSort = Field(
        DealSort.ID, description="A field, `-` before it for descending; ties follow `id`.", examples=["-star_rating"]
    )
    cursor: OptionalParam[Annotated[str, Field(max_length=500)]] = Field(
        None,
        description="The `next_cursor` of a page before, with the same filters and sort. Not together with `skip`.",
    )
    count: TotalMode = Field(
        TotalMode.EXACT, description="How to find `total`; `none` is the quickest.", examples=["exact"]
    )

    @property
    def filters(self) -> str:
        """The filters that are given, as text: the same for the same filters."""
        return self.model_dump_json(include=set(DealFilters.model_fields), exclude_defaults=True)


class DealPage(ResponseModel):
    items: list[DealOut]
    total: int | None = Field(description="How many match in all; null if nobody counted.")
    skip: int | None = Field(description="How many were left out at the start; null on a page that a cursor led to.")
    limit: int
    total_kind: TotalMode = Field(
        description="Whether `total` was counted, is the planner's estimate, or was not asked for."
    )
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


Categories = Annotated[
    list[CategoryName],
    Field(max_length=20, description="Names; a new one joins the catalogue.", examples=[["luxury", "romantic"]]),
]


def _after_checkin(checkout: date, sent: ValidationInfo) -> date:
    checkin = sent.data.get("checkin_date")
    if checkin is not None and checkout <= checkin:
        raise ValueError("must be after checkin_date")
    return checkout


class DealCreate(RequestModel):
    """A new deal."""

    model_config = example(
        hotel_id=1,
        room_type="Deluxe",
        star_rating=5,
        price_per_night=129.15,
        original_price=184.5,
        discount_percent=30,
        checkin_date="2026-12-01",
        checkout_date="2026-12-04",
        categories=["luxury", "romantic"],
    )

    hotel_id: Id
    external_id: Id | None = None
    room_type: RoomType
    star_rating: Stars
    price_per_night: Price
    original_price: Price
    discount_percent: Percent
    checkin_date: CalendarDate
    checkout_date: CalendarDate = Field(examples=["2026-03-04"])
    is_available: StrictBool = True
    categories: Categories = Field(default_factory=list)

    _stay = field_validator("checkout_date")(_after_checkin)


class DealPatch(RequestModel):
    """What to change of a deal; what is absent stays as it is."""

    model_config = example(price_per_night=119.0, discount_percent=35, categories=["romantic"])

    hotel_id: Id = absent()
    external_id: Id | None = None
    room_type: RoomType = absent()
    star_rating: Stars = absent()
    price_per_night: Price = absent()
    original_price: Price = absent()
    discount_percent: Percent = absent()
    checkin_date: CalendarDate = absent()
    checkout_date: CalendarDate = absent()
    is_available: StrictBool = absent()
    categories: Categories = absent()
    version: Annotated[Version, Field(description="Change the deal only if it still has this version.")] = absent()

    _stay = field_validator("checkout_date")(_after_checkin)

    def changes(self) -> dict[str, Any]:
        """What was sent, by field, without the version."""
        return self.model_dump(exclude_unset=True, exclude={"version"})


class StatsQuery(DealFilters):
    """The filter set; a dashboard counts what can be booked unless it says otherwise."""

    available_only: QueryFlag = Field(
        default=True,
        description="Only deals that can be booked. **True** unless it is given, other than on the list.",
        examples=[True],
    )


class CityStats(ResponseModel):
    city: str
    avg_price: DecimalNumber = Field(description="Average price per night, two decimals.")
    deal_count: int
