"""Deals: the parameters of their list and statistics, and the bodies of requests and responses."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, cast

from pydantic import MISSING, Field, ValidationInfo, field_validator

from app.pagination import TotalMode
from app.schemas.base import (
    CalendarDate,
    CategoryName,
    DecimalNumber,
    Id,
    NullAsDefault,
    Percent,
    Price,
    RequestModel,
    ResponseModel,
    RoomType,
    Stars,
    StrictBool,
    Version,
    example,
)
from app.schemas.filters import DealFilters
from app.schemas.hotels import HOTEL_EXAMPLE, HotelOut
from app.schemas.params import OptionalParam, PageQuery, QueryFlag, Sort

_EXAMPLE: Final[dict[str, Any]] = {
    "id": 812,
    "external_id": 40117,
    "room_type": "Deluxe",
    "star_rating": 5,
    "price_per_night": 129.0,
    "original_price": 184.5,
    "discount_percent": 30,
    "checkin_date": "2026-03-01",
    "checkout_date": "2026-03-04",
    "is_available": True,
    "categories": ["luxury", "romantic"],
    "hotel": HOTEL_EXAMPLE,
    "version": 3,
    "created_at": "2026-01-05T09:12:44Z",
    "updated_at": "2026-02-01T17:03:10Z",
}


class DealOut(ResponseModel):
    model_config = example(**_EXAMPLE)

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
    version: int = Field(description="Increases by one with every update.")
    created_at: datetime
    updated_at: datetime


DealSortField = Literal["id", "price_per_night", "star_rating", "discount_percent", "checkin_date", "created_at"]


class DealSort(Sort):
    """Orders of the list; ties are in the order of `id`, in the same direction."""

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

    @property
    def field(self) -> DealSortField:
        return cast("DealSortField", super().field)


class DealQuery(DealFilters, PageQuery):
    """The parameters of GET /deals."""

    sort: DealSort = Field(
        DealSort.ID,
        description="Name of a field, prefixed with `-` for descending order; ties are ordered by `id`.",
        examples=["-star_rating"],
    )
    cursor: OptionalParam[Annotated[str, Field(max_length=500)]] = Field(
        None,
        description="The `next_cursor` of a page with the same filters and sort. Cannot be combined with a non-zero "
        "`skip`; an empty cursor is the first page.",
    )
    count: TotalMode = Field(
        TotalMode.EXACT, description="How to determine `total`; `none` is the fastest.", examples=["exact"]
    )


class DealPage(ResponseModel):
    model_config = example(items=[_EXAMPLE], total=37, skip=0, limit=1, total_kind="exact", next_cursor="6mZ1dZ0wPz4")

    items: list[DealOut]
    total: int | None = Field(description="Number of matching deals; null with `count=none`.")
    skip: int | None = Field(description="Number of skipped deals; null on a page requested by cursor.")
    limit: int
    total_kind: TotalMode = Field(
        description="Whether `total` is exact, estimated by the query planner, or was not requested."
    )
    next_cursor: str | None = Field(description="The `cursor` parameter of the next page; null on the last page.")


Categories = Annotated[
    list[CategoryName],
    Field(
        max_length=20,
        description="Names of categories; a new name is added to the catalogue.",
        examples=[["luxury", "romantic"]],
    ),
]


def _check_after_checkin(checkout: date | MISSING, info: ValidationInfo) -> date | MISSING:
    checkin = info.data.get("checkin_date")
    if isinstance(checkin, date) and isinstance(checkout, date) and checkout <= checkin:
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
    is_available: Annotated[StrictBool, NullAsDefault()] = True
    categories: Annotated[Categories, NullAsDefault()] = Field(default_factory=list)

    _validate_stay = field_validator("checkout_date")(_check_after_checkin)


class DealPatch(RequestModel):
    """The fields to change; absent fields keep their values."""

    model_config = example(price_per_night=119.0, discount_percent=35, categories=["romantic"])

    hotel_id: Id | MISSING = MISSING
    external_id: Id | MISSING | None = MISSING
    room_type: RoomType | MISSING = MISSING
    star_rating: Stars | MISSING = MISSING
    price_per_night: Price | MISSING = MISSING
    original_price: Price | MISSING = MISSING
    discount_percent: Percent | MISSING = MISSING
    checkin_date: CalendarDate | MISSING = MISSING
    checkout_date: CalendarDate | MISSING = MISSING
    is_available: StrictBool | MISSING = MISSING
    categories: Categories | MISSING = MISSING
    version: Annotated[Version, Field(description="Update the deal only if it has this version.")] | MISSING = MISSING

    _validate_stay = field_validator("checkout_date")(_check_after_checkin)

    @property
    def expected_version(self) -> int | None:
        """The version that the deal must have; None for any."""
        return None if self.version is MISSING else self.version

    def changes(self) -> dict[str, Any]:
        """The fields that were sent, without the version."""
        return self.model_dump(exclude={"version"})


class CityStatsSort(Sort):
    """Orders of the statistics; ties are in ascending order of `city`."""

    DEAL_COUNT = "deal_count"
    DEAL_COUNT_DESC = "-deal_count"
    AVG_PRICE = "avg_price"
    AVG_PRICE_DESC = "-avg_price"
    CITY = "city"
    CITY_DESC = "-city"


class StatsQuery(DealFilters):
    """The parameters of GET /deals/stats. Unlike on the list, `available_only` is true by default."""

    available_only: QueryFlag = Field(
        default=True,
        description="Only available deals. The default is **true** here, unlike on the list.",
        examples=[True],
    )
    sort: CityStatsSort = Field(
        CityStatsSort.DEAL_COUNT_DESC,
        description="Name of a field, prefixed with `-` for descending order; ties are ordered by `city`.",
        examples=["-avg_price"],
    )


class CityStats(ResponseModel):
    model_config = example(city="Toronto", avg_price=287.41, deal_count=2903)

    city: str
    avg_price: DecimalNumber = Field(description="Average price per night, with two decimals.")
    deal_count: int
