"""Hotels: the parameters of their list, and the bodies of requests and responses."""

from typing import Any, Final

from pydantic import MISSING, Field

from app.schemas.base import (
    CityName,
    CountryName,
    DecimalNumber,
    HotelName,
    Phone,
    RequestModel,
    ResponseModel,
    example,
)
from app.schemas.filters import DealFilters
from app.schemas.params import PageQuery, Sort

HOTEL_EXAMPLE: Final[dict[str, Any]] = {
    "id": 44,
    "name": "Crown Tower",
    "city": "Toronto",
    "country": "Canada",
    "phone": "+1-416-555-1333",
    "avg_star_rating": 3.97,
}
_LIST_EXAMPLE: Final[dict[str, Any]] = {**HOTEL_EXAMPLE, "deal_count": 21, "min_price": 64.5}


class HotelOut(ResponseModel):
    model_config = example(**HOTEL_EXAMPLE)

    id: int
    name: str
    city: str
    country: str
    phone: str
    avg_star_rating: DecimalNumber | None = Field(
        description="Average over all deals of the hotel, with two decimals; null without deals."
    )


class HotelSort(Sort):
    """Orders of the list; ties are in the order of `id`, in the same direction."""

    NAME = "name"
    NAME_DESC = "-name"
    MIN_PRICE = "min_price"
    MIN_PRICE_DESC = "-min_price"
    DEAL_COUNT = "deal_count"
    DEAL_COUNT_DESC = "-deal_count"
    STARS = "avg_star_rating"
    STARS_DESC = "-avg_star_rating"


class HotelQuery(DealFilters, PageQuery):
    """The parameters of GET /hotels."""

    sort: HotelSort = Field(
        HotelSort.NAME,
        description="Name of a field, prefixed with `-` for descending order; ties are ordered by `id`.",
        examples=["min_price"],
    )


class HotelWithDeals(HotelOut):
    model_config = example(**_LIST_EXAMPLE)

    deal_count: int = Field(description="Number of the hotel's deals that match.")
    min_price: DecimalNumber = Field(description="Lowest price per night of the matching deals.")


class HotelPage(ResponseModel):
    model_config = example(items=[_LIST_EXAMPLE], total=150, skip=0, limit=1)

    items: list[HotelWithDeals]
    total: int = Field(description="Number of hotels with a matching deal.")
    skip: int
    limit: int


class HotelCreate(RequestModel):
    """A new hotel."""

    model_config = example(name="Crown Tower", city="Toronto", country="Canada", phone="+1-416-555-0133")

    name: HotelName
    city: CityName
    country: CountryName
    phone: Phone


class HotelPatch(RequestModel):
    """The fields to change; absent fields keep their values."""

    model_config = example(phone="+1-416-555-0134")

    name: HotelName | MISSING = MISSING
    city: CityName | MISSING = MISSING
    country: CountryName | MISSING = MISSING
    phone: Phone | MISSING = MISSING

    def changes(self) -> dict[str, Any]:
        """The fields that were sent."""
        return self.model_dump()
